export interface ProgressState {
  readonly label: string;
  /** In the plural. */
  readonly unit: string;
  readonly done: number;
  readonly total: number | undefined;
  /** Undefined while no time has passed. */
  readonly perSecond: number | undefined;
  readonly elapsedMs: number;
  /** Undefined leaves the bar out. */
  readonly columns: number | undefined;
}

const BAR = { least: 10, most: 30 } as const;

/** Where the work stands, in one line that fits the terminal. */
export function progressLine(state: ProgressState): string {
  const { label, columns } = state;
  const facts = describe(state).join("  ");
  if (columns === undefined || state.total === undefined) return `${label}  ${facts}`;
  const room = columns - 1 - label.length - facts.length - "  []  ".length;
  if (room < BAR.least) return `${label}  ${facts}`;
  return `${label}  [${bar(share(state.done, state.total), Math.min(room, BAR.most))}]  ${facts}`;
}

/** `850 ms`, `4.2 s`, `3 min 07 s`, `2 h 05 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

function describe({ done, total, unit, perSecond, elapsedMs }: ProgressState): string[] {
  const rate = perSecond === undefined ? [] : [`${number(Math.round(perSecond))}/s`];
  if (total === undefined) {
    const elapsed = perSecond === undefined ? [] : [formatDuration(elapsedMs)];
    return [`${number(done)} ${unit}`, ...rate, ...elapsed];
  }
  const percent = `${String(Math.floor(share(done, total) * 100)).padStart(3)} %`;
  const facts = [percent, `${number(done)}/${number(total)} ${unit}`, ...rate];
  if (perSecond === undefined || perSecond <= 0 || done >= total) return facts;
  return [...facts, `${formatDuration((total - done) * 1_000 / perSecond)} left`];
}

function bar(part: number, width: number): string {
  const full = Math.floor(part * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

function share(done: number, total: number): number {
  return total <= 0 ? 1 : Math.min(done / total, 1);
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
