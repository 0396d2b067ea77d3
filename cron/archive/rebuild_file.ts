import type { LocalBlob } from "@/events/blobs/blobs.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { isDamage } from "@/domain/damaged_file.ts";
import { outdatesRows } from "@/domain/kline_period.ts";
import type { FileFacts } from "@/domain/ports/lake.ts";
import { klineStream } from "../period_state.ts";
import { withWorkPath } from "../work_path.ts";
import type { ArchiveDeps, ArchivePlace } from "./archive_deps.ts";
import { gatherSteps, stepsOf } from "./gather_period.ts";

type Deps = Pick<ArchiveDeps, "store" | "blobs" | "lake" | "workspace">;

interface History extends ArchivePlace {
  readonly events: readonly Recorded<KlineEvent>[];
}

/** Which event's file is made, and where. */
interface Wanted {
  readonly at: number;
  readonly path: string;
}

const PAGE_EVENTS = 1_000;

/**
 * Makes a damaged file again at `path`, the way it was made: out of the batches, or out of the file before it
 * where that differs in its decimals or in removed candles only. Undefined where something of that is
 * gone, or where candles went into the file alone.
 */
export async function rebuildFile(
  deps: Deps,
  { sha256, path, ...place }: ArchivePlace & { readonly sha256: string; readonly path: string },
): Promise<FileFacts | undefined> {
  const events = await allEvents(deps, place);
  const at = events.findLastIndex((event) => fileOf(event) === sha256);
  return at === -1 ? undefined : await make(deps, { ...place, events }, { at, path });
}

async function allEvents(
  { store }: Deps,
  { seriesId, period }: ArchivePlace,
): Promise<Recorded<KlineEvent>[]> {
  const stream = klineStream(seriesId, period);
  const all: Recorded<KlineEvent>[] = [];
  for (;;) {
    const page = { fromVersion: all.length + 1, limit: PAGE_EVENTS };
    const { events } = await store.readStream<KlineEvent>(stream, page);
    all.push(...events);
    if (events.length < PAGE_EVENTS) return all;
  }
}

async function make(
  deps: Deps,
  history: History,
  { at, path }: Wanted,
): Promise<FileFacts | undefined> {
  const event = history.events[at];
  const facts = event && await makeAt(deps, history, { at, event, path });
  return facts !== undefined && isAsRecorded(event, facts) ? facts : undefined;
}

async function makeAt(
  deps: Deps,
  history: History,
  { at, event: { type, data }, path }: Wanted & { readonly event: Recorded<KlineEvent> },
): Promise<FileFacts | undefined> {
  if (type === "KlinesArchived" && data.replaces === null) {
    const steps = stepsOf(history.events.slice(0, at));
    if (steps.length === 0) return undefined;
    return await gathered(deps, history, { steps, scale: data.scale, path });
  }
  const isRewrite = type === "KlinesArchived" && !outdatesRows(data);
  if (!isRewrite && type !== "KlinesDeleted") return undefined;
  const before = await lendBefore(deps, history, at);
  if (before === undefined) return undefined;
  try {
    if (type === "KlinesDeleted") {
      return await deps.lake.without(before.path, [data.from, data.to], path);
    }
    await deps.lake.rescale(before.path, data.scale, path);
    return await deps.lake.describe(path);
  } finally {
    before.release();
  }
}

async function gathered(
  deps: Deps,
  { series: { interval } }: History,
  { steps, scale, path }: {
    steps: ReturnType<typeof stepsOf>;
    scale: FileFacts["scale"];
    path: string;
  },
): Promise<FileFacts | undefined> {
  try {
    const candles = await gatherSteps(deps, { steps, interval, scale });
    try {
      return await candles.write(scale, path);
    } finally {
      await candles.drop();
    }
  } catch (error) {
    // A batch that was compacted since.
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** The file before, which may have to be made again itself. */
async function lendBefore(
  deps: Deps,
  history: History,
  at: number,
): Promise<LocalBlob | undefined> {
  const earlier = history.events.slice(0, at).findLastIndex((e) => fileOf(e) !== undefined);
  const event = history.events[earlier];
  const sha256 = event && fileOf(event);
  if (sha256 === undefined) return undefined;
  try {
    return await deps.blobs.local(sha256, { anew: true });
  } catch (error) {
    if (!isDamage(error)) throw error;
    return await withWorkPath(deps.workspace, async (path) => {
      const made = await make(deps, history, { at: earlier, path });
      return made && await deps.blobs.local((await deps.blobs.putFile(path)).sha256);
    });
  }
}

function fileOf({ type, data }: Recorded<KlineEvent>): string | undefined {
  if (type === "KlinesArchived") return data.blob.sha256;
  return type === "KlinesDeleted" ? data.blob?.sha256 : undefined;
}

function isAsRecorded(event: Recorded<KlineEvent> | undefined, facts: FileFacts): boolean {
  if (event?.type !== "KlinesArchived" && event?.type !== "KlinesDeleted") return false;
  const { firstOpenTime, lastOpenTime, held } = event.data;
  return (event.type === "KlinesDeleted" || event.data.rows === facts.rows) &&
    firstOpenTime === facts.firstOpenTime && lastOpenTime === facts.lastOpenTime &&
    JSON.stringify(held) === JSON.stringify(facts.held);
}
