export interface Traffic {
  /** Notes a statement until it has ended. */
  during<T>(statement: Promise<T>): Promise<T>;
  /** Waits until the connection has been quiet for a moment, if others have used it meanwhile. */
  giveWay(): Promise<void>;
}

/** A request asks again this soon after an answer. */
const QUIET_MS = 5;
const LOOK_EVERY_MS = 1;
const MAX_WAIT_MS = 40;

/**
 * Who has many statements for one connection asks before each: a request is a chain of small ones,
 * and each would wait for a large one in between. It waits no longer than its own statement took,
 * so that it gets half of the time whatever the others do.
 */
export function createTraffic(
  { now = () => performance.now(), sleep = pause }: {
    /** Ms that never go back. */
    now?: () => number;
    sleep?: (ms: number) => Promise<void>;
  } = {},
): Traffic {
  let running = 0;
  let begun = 0;
  let endedAt = 0;
  let passedAt = 0;

  return {
    async during(statement) {
      running++;
      begun++;
      try {
        return await statement;
      } finally {
        running--;
        endedAt = now();
      }
    },
    async giveWay() {
      const arrived = now();
      const until = arrived + Math.min(arrived - passedAt, MAX_WAIT_MS);
      // One of them is its own.
      const isAlone = begun <= 1 && running === 0;
      while (!isAlone && now() < until && (running > 0 || now() - endedAt < QUIET_MS)) {
        await sleep(LOOK_EVERY_MS);
      }
      begun = 0;
      passedAt = now();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
