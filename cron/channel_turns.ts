import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Database } from "@/events/store/database.ts";
import { beatUntil, SILENT } from "./beats.ts";
import { failureFields } from "./error_message.ts";

/** Which of several instances speaks to a channel. */
export interface ChannelTurns {
  /**
   * Does the work while no other instance speaks to the channel; false, and nothing is done, while one
   * does. The work's signal aborts with the outer one, or when the turn was lost on the way. Without
   * a database it is done all the same: people are to be told of just that.
   */
  take(channel: string, work: Work, signal: AbortSignal): Promise<boolean>;
}

type Rows = Awaited<ReturnType<Database["query"]>>;
type Work = (signal: AbortSignal, turn: Turn) => Promise<void>;

export interface Turn {
  /** How long ago each of the channel's last messages was sent, by whichever instance; oldest first. */
  readonly sentAgoMs: readonly number[];
  /** To be said of each message that may have arrived. */
  sent(): Promise<void>;
}

const UNCOUNTED: Turn = { sentAgoMs: [], sent: () => Promise.resolve() };

/** Where nobody else has the database open, each turn is ours. */
export const EVERY_TURN: ChannelTurns = {
  async take(_, work, signal) {
    await work(signal, UNCOUNTED);
    return true;
  },
};

interface Deps {
  readonly database: Database;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  /** Of this process. */
  readonly holder: string;
}

/** A row a channel in table `alert_lease`, held while a message is on its way; the database's clock decides. */
export function createChannelTurns({ database, clock, log, holder }: Deps): ChannelTurns {
  /** Undefined when the database does not say. */
  async function query(sql: string, given: readonly string[]): Promise<Rows | undefined> {
    try {
      return await database.query(sql, given);
    } catch (error) {
      const [channel] = given;
      log.warn("whose turn it is to tell cannot be asked", { channel, ...failureFields(error) });
      return undefined;
    }
  }

  async function ask(sql: string, channel: string): Promise<boolean | undefined> {
    const rows = await query(sql, [channel, holder]);
    return rows && rows.length > 0;
  }

  async function turnOf(channel: string): Promise<Turn> {
    const rows = await query(SENT, [channel]) ?? [];
    return {
      sentAgoMs: rows.map(({ ago }) => Number(ago)),
      sent: async () => void await query(NOTE_SENT, [channel]),
    };
  }

  async function beat(channel: string, lost: AbortController, over: AbortSignal): Promise<void> {
    if (!await beatUntil(over, clock, () => ask(BEAT, channel))) return;
    lost.abort(new DOMException(`Another instance tells ${channel} now`, "AbortError"));
  }

  return {
    async take(channel, work, signal) {
      const taken = await ask(TAKE, channel);
      if (taken === false) return false;
      const [lost, over] = [new AbortController(), new AbortController()];
      const beating = taken && beat(channel, lost, over.signal);
      try {
        const turn = taken ? await turnOf(channel) : UNCOUNTED;
        await work(AbortSignal.any([signal, lost.signal]), turn);
      } finally {
        over.abort();
        await beating;
        if (taken) await ask(RELEASE, channel);
      }
      return true;
    },
  };
}

const TAKE = `insert into alert_lease (channel, holder) values ($1, $2)
  on conflict (channel) do update set holder = excluded.holder, beat_at = now()
  where alert_lease.holder = excluded.holder or alert_lease.beat_at < now() - ${SILENT}
  returning channel`;
const BEAT = `update alert_lease set beat_at = now() where channel = $1 and holder = $2
  returning channel`;
/** No robot counts longer. */
const SENT = `select extract(epoch from now() - told_at) * 1000 as ago from alert_told
  where channel = $1 and told_at > now() - interval '5 minutes' order by told_at`;
const NOTE_SENT = `with old as (
    delete from alert_told where channel = $1 and told_at < now() - interval '1 hour'
  ) insert into alert_told (channel) values ($1)`;
const RELEASE = "delete from alert_lease where channel = $1 and holder = $2 returning channel";
