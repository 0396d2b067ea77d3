/** A piece of work that waits for the next group. */
export interface Waiting<Command, Outcome> {
  readonly command: Command;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export interface BatcherOptions<Command, Outcome> {
  /** Streams a command writes; commands of one group share none. */
  readonly streams: (command: Command) => readonly string[];
  readonly sizeBytes: (command: Command) => number;
  /** Writes a group; an Error in place of an outcome is that command's own. */
  readonly write: (commands: readonly Command[]) => Promise<readonly (Outcome | Error)[]>;
}

const MAX_COMMANDS = 500;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Group commit: what queued during a call goes with the next call, each with its own outcome. No
 * timer. When a call fails as a whole its commands are written one at a time, so that one that
 * cannot be stored hurts only itself.
 */
export function createBatcher<Command, Outcome>(
  { streams, sizeBytes, write }: BatcherOptions<Command, Outcome>,
): { add(command: Command): Promise<Outcome>; idle(): Promise<void> } {
  let queue: Waiting<Command, Outcome>[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const { group, rest } = split(queue);
      queue = rest;
      await settle(group);
    }
    running = undefined;
  }

  function split(waiting: readonly Waiting<Command, Outcome>[]): {
    group: Waiting<Command, Outcome>[];
    rest: Waiting<Command, Outcome>[];
  } {
    const taken = new Set<string>();
    const group: Waiting<Command, Outcome>[] = [];
    const rest: Waiting<Command, Outcome>[] = [];
    let bytes = 0;
    for (const item of waiting) {
      const names = streams(item.command);
      const full = group.length >= MAX_COMMANDS || (group.length > 0 && bytes >= MAX_BYTES);
      const fits = !full && !names.some((name) => taken.has(name));
      // A later command of a stream that has to wait must not overtake.
      names.forEach((name) => taken.add(name));
      if (fits) bytes += sizeBytes(item.command);
      (fits ? group : rest).push(item);
    }
    return { group, rest };
  }

  async function settle(group: readonly Waiting<Command, Outcome>[]): Promise<void> {
    try {
      const outcomes = await write(group.map(({ command }) => command));
      group.forEach((item, i) => finish(item, outcomes[i] ?? new Error("No outcome")));
    } catch (error) {
      const [only] = group;
      if (group.length === 1 && only !== undefined) return only.reject(error);
      for (const item of group) await settle([item]);
    }
  }

  return {
    add(command) {
      return new Promise<Outcome>((resolve, reject) => {
        queue.push({ command, resolve, reject });
        // Callers of the same moment share the first group.
        running ??= Promise.resolve().then(run);
      });
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}

function finish<Command, Outcome>(
  { resolve, reject }: Waiting<Command, Outcome>,
  outcome: Outcome | Error,
): void {
  if (outcome instanceof Error) reject(outcome);
  else resolve(outcome);
}
