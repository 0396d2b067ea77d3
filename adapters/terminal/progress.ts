import type { Clock } from "@/domain/ports/clock.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import { formatDuration, progressLine } from "./progress_line.ts";
import type { Terminal } from "./terminal.ts";

export interface TerminalProgressOptions {
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, "now">;
  /** Least time between two drawings of the bar. */
  readonly redrawMs?: number | undefined;
  /** Least time between two lines where no bar can be drawn. */
  readonly lineMs?: number | undefined;
}

/** Rate and time left are judged over this long, so that they follow a change of pace. */
const WINDOW_MS = 15_000;

interface Work {
  readonly label: string;
  readonly unit: string;
  readonly startedAt: number;
  total: number | undefined;
  done: number;
  drawnAt: number;
  /** Where the work stood at each drawing within the window, oldest first. */
  samples: { readonly at: number; readonly done: number }[];
}

/** A bar with percent, count, rate and time left on a terminal; a line now and then elsewhere. */
export function createTerminalProgress(options: TerminalProgressOptions): Progress {
  const { terminal, clock, redrawMs = 100, lineMs = 5_000 } = options;
  const everyMs = terminal.interactive ? redrawMs : lineMs;
  let work: Work | undefined;

  function draw(current: Work, now: number): void {
    current.samples = current.samples.filter(({ at }) => now - at <= WINDOW_MS);
    const oldest = current.samples[0] ?? { at: current.startedAt, done: 0 };
    const elapsedMs = now - oldest.at;
    const perSecond = elapsedMs > 0 ? (current.done - oldest.done) * 1000 / elapsedMs : undefined;
    current.samples.push({ at: now, done: current.done });
    current.drawnAt = now;
    const columns = terminal.interactive ? terminal.columns : undefined;
    const text = progressLine({
      ...current,
      perSecond,
      elapsedMs: now - current.startedAt,
      columns,
    });
    if (terminal.interactive) terminal.status(text);
    else terminal.line(text);
  }

  function changed(): void {
    if (work === undefined) return;
    const now = clock.now();
    if (now - work.drawnAt >= everyMs) draw(work, now);
  }

  function finish(): void {
    if (work === undefined) return;
    const { label, unit, done, startedAt } = work;
    const elapsedMs = clock.now() - startedAt;
    work = undefined;
    terminal.status("");
    const count = `${done.toLocaleString("en")} ${unit}`;
    // Work that was over before it could be watched has no rate.
    const rate = elapsedMs > 0 ? Math.round(done * 1000 / elapsedMs).toLocaleString("en") : "";
    const pace = rate === "" ? "" : ` in ${formatDuration(elapsedMs)} (${rate}/s)`;
    terminal.line(`${label}: ${count}${pace}`);
  }

  return {
    start(label, { unit, total }) {
      finish();
      const now = clock.now();
      work = { label, unit, total, done: 0, startedAt: now, drawnAt: now, samples: [] };
      // A bar shows at once that work has begun; a line has nothing to tell yet.
      if (terminal.interactive) draw(work, now);
      else work.samples.push({ at: now, done: 0 });
    },
    advance(by) {
      if (work !== undefined) work.done += by;
      changed();
    },
    total(total) {
      if (work !== undefined) work.total = total;
      changed();
    },
    note: (text) => terminal.line(text),
    finish,
  };
}
