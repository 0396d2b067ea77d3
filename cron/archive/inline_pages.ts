import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { InlineCandles } from "@/domain/ports/lake.ts";
import { klineStream } from "../period_state.ts";
import type { ArchiveDeps, ArchivePlace } from "./archive_deps.ts";

const PAGE = { events: 500, candles: 4_000 } as const;

/** Candles that a period's events hold themselves, of those behind a version, in pages of bounded size. */
export async function* inlinePages(
  { store }: Pick<ArchiveDeps, "store">,
  { seriesId, period, behind }: Pick<ArchivePlace, "seriesId" | "period"> & {
    readonly behind: number;
  },
): AsyncGenerator<readonly InlineCandles[]> {
  const stream = klineStream(seriesId, period);
  let page: InlineCandles[] = [];
  let held = 0;
  for (let fromVersion = behind + 1;;) {
    const { events } = await store.readStream<KlineEvent>(stream, {
      ...{ fromVersion, limit: PAGE.events },
    });
    for (const { type, data, position } of events) {
      if (type !== "KlinesRecorded" || data.candles.length === 0) continue;
      const { source, candles } = data;
      page.push({ position, source, candles });
      held += candles.length;
      if (held < PAGE.candles) continue;
      yield page;
      [page, held] = [[], 0];
    }
    if (events.length < PAGE.events) break;
    fromVersion += events.length;
  }
  if (page.length > 0) yield page;
}
