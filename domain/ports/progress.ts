/** How long work shows where it stands: a bar on a terminal, a job's status in the API. */
export interface Progress {
  /** `total` is undefined while unknown; `unit` in the plural, e.g. `candles`. */
  start(label: string, options: { unit: string; total?: number | undefined }): void;
  advance(by: number): void;
  /** A total that became known or changed on the way. */
  total(total: number): void;
  /** A line above the bar. */
  note(text: string): void;
  finish(): void;
}

export const silentProgress: Progress = {
  start() {},
  advance() {},
  total() {},
  note() {},
  finish() {},
};
