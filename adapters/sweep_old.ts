export interface SweepOptions {
  /** Epoch ms: what was touched later stays. */
  readonly before: number;
  /** All entries where it is not given. */
  readonly matches?: (entry: Deno.DirEntry) => boolean;
  /** Epoch ms; the time of its contents where it is not given. */
  readonly touchedAt?: (stat: Deno.FileInfo) => number | undefined;
}

/** Removes what killed processes have left in a folder. Several may sweep it at the same time. */
export async function sweepOld(
  directory: string,
  { before, matches = () => true, touchedAt = ({ mtime }) => mtime?.getTime() }: SweepOptions,
): Promise<void> {
  for await (const entry of entriesOf(directory)) {
    if (!matches(entry)) continue;
    const path = `${directory}/${entry.name}`;
    try {
      if ((touchedAt(await Deno.stat(path)) ?? Infinity) >= before) continue;
      await Deno.remove(path, { recursive: true });
    } catch (error) {
      ignoreMissing(error);
    }
  }
}

async function* entriesOf(directory: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(directory);
  } catch (error) {
    ignoreMissing(error);
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
