import type { LocalBlob } from "@/events/blobs/blobs.ts";
import type { KlineRejectionEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { isDamage } from "@/domain/damaged_file.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { RefusedRows } from "@/domain/ports/lake.ts";
import { listRefusals, type RefusedPart } from "@/projections/kline_refusals.ts";
import type { ArchiveDeps } from "./archive_deps.ts";

type Refusal = Recorded<KlineRejectionEvent>;
type Deps = Pick<ArchiveDeps, "store" | "db" | "blobs" | "projections">;

/** Of which a part of the refusals is made, so that any number of them can be read. */
const PAGE = { refusals: 200, rows: 10_000, blobs: 16 } as const;
const VISIBLE_MS = 60_000;

/** The refusals that may hold rows of a part, oldest first, in pages of bounded size. */
export async function* refusalPages(
  { store, db, projections }: Deps,
  part: RefusedPart,
): AsyncGenerator<readonly Refusal[]> {
  if (!await projections.waitFor(await store.head(), VISIBLE_MS, ["kline_refusals"])) {
    throw new AdapterError(`Cannot tell which rows of ${part.seriesId} were refused`, {
      ...{ port: "archive", op: "refusals", retryable: true },
      hint: "The read model kline_refusals is behind; nothing was changed",
    });
  }
  let page: Refusal[] = [];
  let [rows, blobs] = [0, 0];
  for (let after = 0;;) {
    const versions = await listRefusals(db, part, { after, limit: PAGE.refusals });
    for await (const refusal of eventsOf(store, part.seriesId, versions)) {
      page.push(refusal);
      rows += refusal.data.rows.length;
      blobs += refusal.data.blob === null ? 0 : 1;
      if (rows < PAGE.rows && blobs < PAGE.blobs) continue;
      yield page;
      page = [];
      [rows, blobs] = [0, 0];
    }
    after = versions.at(-1) ?? after;
    if (versions.length < PAGE.refusals) break;
  }
  if (page.length > 0) yield page;
}

/** Those of these versions, of all in the stream between them. */
async function* eventsOf(
  store: Deps["store"],
  seriesId: string,
  versions: readonly number[],
): AsyncGenerator<Refusal> {
  const wanted = new Set(versions);
  const last = versions.at(-1) ?? 0;
  let through = 0;
  for (const fromVersion of versions) {
    if (fromVersion <= through) continue;
    const { events } = await store.readStream<KlineRejectionEvent>(`klines_rejected-${seriesId}`, {
      ...{ fromVersion, limit: Math.min(PAGE.refusals, last - fromVersion + 1) },
    });
    yield* events.filter(({ version }) => wanted.has(version));
    through = events.at(-1)?.version ?? fromVersion;
  }
}

export interface DamagedRefusal {
  readonly sha256: string;
  readonly message: string;
}

/** As the lake takes them. Of one whose blob is damaged the rows that the log holds itself are taken. */
export async function refusedRows(
  blobs: Deps["blobs"],
  refusals: readonly Refusal[],
): Promise<{ refused: RefusedRows[]; lent: LocalBlob[]; damaged: DamagedRefusal[] }> {
  const lent: LocalBlob[] = [];
  const refused: RefusedRows[] = [];
  const damaged: DamagedRefusal[] = [];
  try {
    for (const { position, data: { source, blob, rows } } of refusals) {
      let path: string | undefined;
      try {
        const local = blob === null ? undefined : await blobs.local(blob.sha256, { anew: true });
        if (local !== undefined) lent.push(local);
        path = local?.path;
      } catch (error) {
        if (blob === null || !isDamage(error)) throw error;
        damaged.push({ sha256: blob.sha256, message: error.message });
      }
      refused.push({ position, source, path, rows });
    }
  } catch (error) {
    lent.forEach((blob) => blob.release());
    throw error;
  }
  return { refused, lent, damaged };
}
