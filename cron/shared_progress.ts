import type { Progress } from "@/domain/ports/progress.ts";

/** One bar for pieces of work that run side by side: their totals add up. */
export interface SharedProgress {
  /** For one piece of work. */
  part(): Progress;
  finish(): void;
}

export function shareProgress(
  progress: Progress,
  { label, unit }: { label: string; unit: string },
): SharedProgress {
  let total = 0;
  progress.start(label, { unit });

  function add(by: number): void {
    total += by;
    progress.total(total);
  }

  return {
    part() {
      let own = 0;
      const set = (next: number) => {
        add(next - own);
        own = next;
      };
      return {
        start: (_label, options) => set(options.total ?? 0),
        advance: (by) => progress.advance(by),
        total: set,
        note: (text) => progress.note(text),
        finish() {},
      };
    },
    finish: () => progress.finish(),
  };
}
