// @ts-types="@types/pg"
import pg from "pg";
import type { Unlisten } from "@/events/store/database.ts";
import type { Log } from "@/domain/ports/log.ts";
import { failure } from "./postgres_error.ts";

interface Listening {
  readonly settings: pg.ClientConfig;
  readonly channel: string;
  readonly on: (payload: string) => void;
  /** Notifications may have been missed. */
  readonly onGap: () => void;
  readonly log: Log | undefined;
}

const MAX_WAIT_MS = 5_000;

/** A connection of its own that listens and, when it is lost, connects again until it is told to stop. */
export async function keepListening(
  { settings, channel, on, onGap, log }: Listening,
): Promise<Unlisten> {
  let stopped = false;
  let client: pg.Client | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function connect(): Promise<void> {
    const next = new pg.Client({ ...settings, statement_timeout: 0 });
    next.on(
      "error",
      (error) => log?.warn("lost the listening connection", { error: error.message }),
    );
    next.on("notification", ({ payload }) => on(payload ?? ""));
    try {
      await next.connect();
      // A standby takes connections and refuses this.
      await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await next.end().catch(() => {});
      throw error;
    }
    next.on("end", () => again(100));
    client = next;
    // Told to stop meanwhile, when this one was not there yet to be ended.
    if (stopped) await next.end();
  }

  function again(waitMs: number): void {
    if (stopped) return;
    timer = setTimeout(async () => {
      try {
        await connect();
        if (!stopped) onGap();
      } catch (error) {
        if (!stopped) log?.warn("cannot listen to the database yet", { error: String(error) });
        again(Math.min(waitMs * 2, MAX_WAIT_MS));
      }
    }, waitMs);
  }

  try {
    await connect();
  } catch (error) {
    throw failure(error);
  }
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await client?.end().catch(() => {});
  };
}
