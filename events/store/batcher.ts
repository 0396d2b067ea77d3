import { setImmediate } from "node:timers";

/** A piece of work that waits for the next group. */
export interface Waiting<Command, Outcome> {
  readonly command: Command;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export interface BatcherOptions<Command, Outcome> {
  /** Streams a command writes, and its id; commands of one group share none. */
  readonly keys: (command: Command) => readonly string[];
  readonly sizeBytes: (command: Command) => number;
  /** Writes a group; an Error in place of an outcome is that command's own. */
  readonly write: (commands: readonly Command[]) => Promise<readonly (Outcome | Error)[]>;
  /** Whether one of the commands may be at fault when a write fails as a whole. */
  readonly mayBePoison: (error: unknown) => boolean;
}

export interface Batcher<Command, Outcome> {
  add(command: Command): Promise<Outcome>;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
}

const MAX_COMMANDS = 500;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Group commit: what queued during a call goes with the next call, each with its own outcome. No
 * timer. When a call fails as a whole because of a command, they are written one at a time, so that
 * one that cannot be stored hurts only itself.
 */
export function createBatcher<Command, Outcome>(
  { keys, sizeBytes, write, mayBePoison }: BatcherOptions<Command, Outcome>,
): Batcher<Command, Outcome> {
  let queue: Waiting<Command, Outcome>[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (queue.length > 0) {
      // Callers of the same turn of the event loop, such as those just answered, share a group.
      await endOfTurn();
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
      const names = keys(item.command);
      const size = sizeBytes(item.command);
      const full = group.length >= MAX_COMMANDS ||
        (group.length > 0 && bytes + size > MAX_BYTES);
      const fits = !full && !names.some((name) => taken.has(name));
      // A later command of a stream that has to wait must not overtake.
      names.forEach((name) => taken.add(name));
      if (fits) bytes += size;
      (fits ? group : rest).push(item);
    }
    return { group, rest };
  }

  async function settle(group: readonly Waiting<Command, Outcome>[]): Promise<void> {
    try {
      const outcomes = await write(group.map(({ command }) => command));
      group.forEach((item, i) => finish(item, outcomes[i] ?? new Error("No outcome")));
    } catch (error) {
      if (group.length === 1 || !mayBePoison(error)) {
        group.forEach(({ reject }) => reject(error));
        return;
      }
      for (const item of group) await settle([item]);
    }
  }

  return {
    add(command) {
      return new Promise<Outcome>((resolve, reject) => {
        queue.push({ command, resolve, reject });
        running ??= run();
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

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
