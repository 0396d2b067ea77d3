import { Refusal } from "@/domain/decider.ts";
import type { KlinePage, KlineQuery } from "@/domain/ports/kline_reader.ts";

/** Which of the two bounds the next page moves. */
type Bound = "start" | "end";

/** Pages forward in time move the start, pages back in time the end. */
function movedBound({ start, order }: KlineQuery): Bound {
  return start === undefined || order === "desc" ? "end" : "start";
}

/** Where the page after this one goes on; opaque to callers. Undefined on the last page. */
export function nextCursor(query: KlineQuery, page: KlinePage): string | undefined {
  const { firstOpenTime: first, lastOpenTime: last } = page;
  if (!page.more || first === undefined || last === undefined) return undefined;
  // Bounds of the page, whichever way its rows run.
  const at = movedBound(query) === "start" ? Math.max(first, last) + 1 : Math.min(first, last);
  return btoa(`1.${at}.${fingerprint(query)}`).replaceAll("=", "");
}

/** The query of the page that the cursor points to. Refusal when it comes from another query. */
export function atCursor(query: KlineQuery, cursor: string): KlineQuery {
  const [version, at, hash] = decoded(cursor).split(".");
  if (version !== "1" || !/^-?\d{1,16}$/.test(at ?? "") || hash !== fingerprint(query)) {
    throw new Refusal(
      "validation_error",
      "Cannot use this cursor: it belongs to another query; send the query of the first page with it",
      { field: "cursor" },
    );
  }
  return { ...query, [movedBound(query)]: Number(at) };
}

function decoded(cursor: string): string {
  try {
    return atob(cursor);
  } catch {
    return "";
  }
}

/** FNV-1a (32 bits) of all that makes a query but the size of its pages and how they are written. */
function fingerprint(query: KlineQuery): string {
  const { seriesId, interval, start, end, order, fill, partial } = query;
  const text = JSON.stringify([seriesId, interval, start, end, order, fill, partial]);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}
