import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { type Source, SOURCE_RANK } from "@/domain/klines/candle.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { FileFacts } from "@/domain/ports/lake.ts";
import type { KlinePeriodRow } from "@/projections/kline_periods.ts";
import { verifiedBlob } from "../ingest_period.ts";
import { type IngestRun, partId } from "../ingest_run.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import { currentScale, openScale } from "../widen_scale.ts";
import { untilDecided } from "../until_decided.ts";
import { withWorkPath } from "../work_path.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";
import { gatherPeriod, gatherRows } from "./gather_period.ts";

export interface FiledPeriod {
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * Gives an ended period its file: written, read back, compared with what was meant and with what the
 * read models hold, and recorded at the version at which it was gathered. Undefined when it has one,
 * or nothing to file. Its rows stay.
 */
export async function filePeriod(
  deps: ArchiveDeps,
  run: ArchiveRun,
  place: ArchivePlace,
): Promise<FiledPeriod | undefined> {
  return await fileAgain(deps, run, { ...place, again: false });
}

/** The same for a period whose file is damaged while its rows are still there. */
export async function healPeriod(
  deps: ArchiveDeps,
  run: ArchiveRun,
  place: ArchivePlace,
): Promise<void> {
  await fileAgain(deps, run, { ...place, again: true });
}

type Wanted = ArchivePlace & { readonly again: boolean };

async function fileAgain(
  deps: ArchiveDeps,
  run: ArchiveRun,
  place: Wanted,
): Promise<FiledPeriod | undefined> {
  return await untilDecided(() => attempt(deps, ingestRunOf(deps, run, place), place), run.signal);
}

/** The archive records as an ingest without candles of its own. */
export function ingestRunOf(
  { clock }: Pick<ArchiveDeps, "clock">,
  { runId, actor, signal }: ArchiveRun,
  { series, seriesId }: Omit<ArchivePlace, "period">,
): IngestRun {
  return { series, seriesId, source: "api", actor, commandId: runId, now: clock.now(), signal };
}

async function attempt(
  deps: ArchiveDeps,
  run: IngestRun,
  place: Wanted,
): Promise<FiledPeriod | undefined> {
  const { seriesId, period, again } = place;
  const current = await currentPeriod(deps, { seriesId, period });
  const { row, version } = current;
  if (row === undefined || row.candles === 0) return undefined;
  if (again ? row.hotRows !== row.candles : row.fileSha256 !== null) return undefined;
  const held = await currentScale(deps, seriesId);
  const gather = again ? gatherRows : gatherPeriod;
  const gathered = await gather(deps, { ...place, row, scale: held });
  try {
    // Each period has an id of its own: several may widen the scale in one run.
    const own = { ...run, commandId: partId(run, `${seriesId}/${period}/${version}`) };
    const scale = await openScale(deps, own, gathered.scale).widened();
    const { facts, blob } = await withWorkPath(deps.workspace, async (path) => {
      const facts = await gathered.write(scale, path);
      refuseDifference(row, facts);
      return { facts, blob: await verifiedBlob(deps, { path, facts, seriesId, period }) };
    });
    const { rows, firstOpenTime, lastOpenTime } = facts;
    const command: KlinePeriodCommand = {
      type: "ArchiveKlines",
      data: {
        ...{ seriesId, period, blob, rows, firstOpenTime, lastOpenTime },
        source: bestSource(row),
        ...{ ingested: 0, revised: 0, unchanged: rows, heldBetter: 0 },
        held: [...facts.held],
        scale: facts.scale,
      },
    };
    const { actor, commandId } = own;
    await decidePeriod(deps.store, current, { command, actor, commandId });
    return { rows, sizeBytes: blob.sizeBytes };
  } finally {
    await gathered.drop();
  }
}

/** The read models were made in another way out of the same log: both must hold the same. */
function refuseDifference(row: KlinePeriodRow, facts: FileFacts): void {
  const same = facts.rows === row.candles && facts.firstOpenTime === row.firstOpenTime &&
    facts.lastOpenTime === row.lastOpenTime &&
    JSON.stringify(facts.held) === JSON.stringify(row.held);
  if (same) return;
  throw new AdapterError(
    `Cannot file ${row.seriesId} ${row.period}: ${facts.rows} candles were gathered, ` +
      `the read model knows ${row.candles}`,
    {
      port: "lake",
      op: `gather ${row.period}`,
      retryable: false,
      hint: "Nothing was changed; rebuild the read models kline_periods and klines, then try again",
    },
  );
}

/** What a file is said to come from: the best that any of its candles has. */
export function bestSource({ bestSource }: KlinePeriodRow): Source {
  for (const source of ["exchange", "import"] as const) {
    if (SOURCE_RANK[source] === bestSource) return source;
  }
  return "api";
}
