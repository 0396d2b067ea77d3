import type { PageReader } from "@/domain/ports/page_reader.ts";
import type { Fetch } from "@/adapters/sources/source_http.ts";

/** Reads plain tables without a browser. Selectors are `tag.class`. */
export function tablePageReader(fetch: Fetch): PageReader {
  return {
    async read({ url, cookie, rows, columns, empty, login, signal }) {
      const response = await fetch(new URL(url), {
        headers: { cookie: cookie.reveal() },
        signal,
      });
      const html = await response.text();
      const has = (selector: string | undefined) =>
        selector !== undefined && elements(html, selector).length > 0;
      return {
        status: response.status,
        html,
        rows: elements(html, rows).map((row) =>
          Object.fromEntries(
            Object.entries(columns).map((
              [name, column],
            ) => [name, elements(row, column)[0] ?? null]),
          )
        ),
        isEmpty: has(empty),
        wantsLogin: has(login),
      };
    },
  };
}

function elements(html: string, selector: string): string[] {
  const [tag = "", name = ""] = selector.split(".");
  const pattern = new RegExp(`<${tag} class="${name}">(.*?)</${tag}>`, "gs");
  return [...html.matchAll(pattern)].map(([, inner = ""]) => inner);
}
