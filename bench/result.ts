/** One measured claim. `ratio` is our value over the peer's, both higher-is-better or both lower-is-better. */
export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly peer?: string;
  readonly peer_value?: number;
  readonly ratio?: number;
  /** In words, e.g. `>= 1.5x`. */
  readonly target: string;
  /** Null where the design names no target. */
  readonly met: boolean | null;
}

export type Goal =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  /** Our value over the peer's. */
  | { readonly ratioAtLeast: number }
  | { readonly none: true };

/** Judges a measurement against its goal; numbers keep three significant digits. */
export function result(
  { name, unit, value, goal, peer }: {
    name: string;
    unit: string;
    value: number;
    goal: Goal;
    peer?: { readonly name: string; readonly value: number } | undefined;
  },
): Result {
  const ratio = peer === undefined || peer.value === 0 ? undefined : value / peer.value;
  return {
    name,
    unit,
    value: rounded(value),
    ...(peer === undefined ? {} : { peer: peer.name, peer_value: rounded(peer.value) }),
    ...(ratio === undefined ? {} : { ratio: rounded(ratio) }),
    ...judged(goal, value, ratio),
  };
}

function judged(
  goal: Goal,
  value: number,
  ratio: number | undefined,
): Pick<Result, "target" | "met"> {
  if ("atLeast" in goal) return { target: `>= ${goal.atLeast}`, met: value >= goal.atLeast };
  if ("atMost" in goal) return { target: `<= ${goal.atMost}`, met: value <= goal.atMost };
  if ("none" in goal) return { target: "-", met: null };
  const met = ratio === undefined ? null : ratio >= goal.ratioAtLeast;
  return { target: `>= ${goal.ratioAtLeast}x`, met };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** A table for people; missed targets are marked. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ name, unit, value, peer, peer_value, ratio, target, met }) => [
    name,
    `${value} ${unit}`,
    peer === undefined ? "" : `${peer} ${peer_value}`,
    ratio === undefined ? "" : `${ratio}x`,
    target,
    met === null ? "" : met ? "met" : "MISSED",
  ]);
  const all = [["what", "value", "peer", "ratio", "target", ""], ...rows];
  const widths = [0, 1, 2, 3, 4, 5].map((i) =>
    Math.max(...all.map((row) => (row[i] ?? "").length))
  );
  return all.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd())
    .join("\n");
}

/** The same as Markdown, a row a claim. */
export function markdown(results: readonly Result[]): string {
  const rows = results.map(({ name, unit, value, peer, peer_value, ratio, target, met }) => [
    name,
    `${value.toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${unit}`,
    peer === undefined ? "" : `${peer}: ${peer_value?.toLocaleString("en-US")}`,
    ratio === undefined ? "" : `${ratio}×`,
    target === "-" ? "" : target,
    met === null ? "" : met ? "met" : "**missed**",
  ]);
  const all = [
    ["what", "ours", "peer", "ratio", "target", ""],
    ["---", "---", "---", "---", "---", "---"],
    ...rows,
  ];
  return all.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** The middle of the measurements. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * percent / 100))] ?? 0;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
