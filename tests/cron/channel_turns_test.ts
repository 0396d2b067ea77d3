import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type ChannelTurns, createChannelTurns, EVERY_TURN } from "@/cron/channel_turns.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { databaseSteps } from "../support/database_steps.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";
import { until } from "../support/projections.ts";
import { quietLog } from "../support/quiet_log.ts";

const never = new AbortController().signal;

interface Scene {
  readonly database: Database;
  readonly clock: FakeClock;
  instance(holder: string, database?: Database): ChannelTurns;
  /** As if the database's clock had gone on meanwhile. */
  silent(seconds: number): Promise<void>;
  /** Another instance, to whose every look `a` has been silent for exactly so long. */
  finding(silentSeconds: number): ChannelTurns;
}

databaseSteps<(scene: Scene) => Promise<void>>("channel turns", {
  async "are one instance's at a time, a channel for itself"({ instance }) {
    const [a, b] = [instance("a"), instance("b")];
    const done: string[] = [];
    const taken = await a.take("wecom", async () => {
      done.push("a");
      equal(await b.take("wecom", () => Promise.reject(new Error("never")), never), false);
      equal(await b.take("slack", () => Promise.resolve(), never), true);
    }, never);
    equal(taken, true);
    equal(await b.take("wecom", () => Promise.resolve(void done.push("b")), never), true);
    deepEqual(done, ["a", "b"]);
  },

  async "end when the work fails, with its error"({ instance }) {
    const error = new Error("no robot");
    await rejects(instance("a").take("wecom", () => Promise.reject(error), never), error);
    equal(await instance("b").take("wecom", () => Promise.resolve(), never), true);
  },

  async "pass on from one that has been silent for 45 s, and its work is aborted"(scene) {
    const { clock, instance, finding } = scene;
    const a = instance("a");
    const begun = Promise.withResolvers<void>();
    const late = a.take("wecom", (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        begun.resolve();
      }), never);
    await begun.promise;
    equal(await finding(45).take("wecom", () => Promise.resolve(), never), false);
    const taken = await finding(45.001).take("wecom", async () => {
      clock.advance(15_000);
      await rejects(late, (error) => {
        match(String(error), /AbortError: Another instance tells wecom now/);
        return true;
      });
      const [row] = await scene.database.query("select holder from alert_lease");
      equal(row?.holder, "b", "what is lost is not released");
    }, never);
    equal(taken, true);
  },

  async "are shown to go on every 15 s"({ clock, database, instance, silent }) {
    const end = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const work = instance("a").take("wecom", () => {
      begun.resolve();
      return end.promise;
    }, never);
    await begun.promise;
    await silent(40);
    clock.advance(15_000);
    const isFresh = async () => {
      const rows = await database.query(
        "select 1 from alert_lease where beat_at > now() - interval '30 seconds'",
      );
      return rows.length === 1;
    };
    await until(isFresh);
    await until(() => clock.sleepers().length === 1);
    end.resolve();
    equal(await work, true);
    equal(clock.sleepers().length, 0);
    deepEqual(await database.query("select * from alert_lease"), []);
  },

  async "know what either has sent of late, a channel for itself"({ database, instance }) {
    const counts: number[] = [];
    const look = (holder: string, channel = "wecom") =>
      instance(holder).take(channel, async (_, { sentAgoMs, sent }) => {
        counts.push(sentAgoMs.length);
        ok(sentAgoMs.every((ms) => ms >= 0 && ms < 120_000), String(sentAgoMs));
        await sent();
      }, never);
    for (const holder of ["a", "b", "a"]) await look(holder);
    await look("b", "slack");
    await database.query("update alert_told set told_at = told_at - interval '50 seconds'");
    await look("c", "slack");
    deepEqual(counts, [0, 1, 2, 0, 1], "for as long as a robot counts it");
    await database.query("update alert_told set told_at = told_at - interval '2 hours'");
    await look("b");
    deepEqual(counts, [0, 1, 2, 0, 1, 0]);
    const [left] = await database.query("select count(*)::int as n from alert_told");
    equal(left?.n, 3, "what no robot counts any more is gone");
  },

  async "are everybody's while the database is away"({ database, instance }) {
    const cut: Database = {
      ...database,
      engine: database.engine,
      query: () => Promise.reject(new DatabaseError("connection lost", { sqlstate: "08006" })),
    };
    let told = 0;
    await instance("a").take("wecom", async () => {
      equal(
        await instance("b", cut).take("wecom", () => Promise.resolve(void told++), never),
        true,
      );
    }, never);
    equal(told, 1);
  },

  async "abort their work with the signal that they were given"({ instance }) {
    const reason = new Error("stop");
    const stop = new AbortController();
    const work = instance("a").take("wecom", (signal) => {
      stop.abort(reason);
      return Promise.reject(signal.reason);
    }, stop.signal);
    await rejects(work, reason);
  },
}, async ({ database, again }, run) => {
  await database.script("drop schema public cascade; create schema public;");
  await migrate(database);
  const [clock, other] = [fakeClock(0), await again()];
  await run({
    ...{ database, clock },
    instance: (holder, mine = holder === "a" ? database : other) =>
      createChannelTurns({ database: mine, clock, log: quietLog, holder }),
    async silent(seconds) {
      await database.query(
        "update alert_lease set beat_at = beat_at - make_interval(secs => $1)",
        [seconds],
      );
    },
    finding(silentSeconds) {
      const sql = "update alert_lease set beat_at = now() - make_interval(secs => $1) " +
        "where holder = 'a'";
      // In one transaction it is one moment, however late it comes.
      const query: Database["query"] = async (look, params = []) => {
        const silence = { sql, params: [silentSeconds] };
        return (await other.transaction([silence, { sql: look, params }]))[1] ?? [];
      };
      const mine: Database = { ...other, engine: other.engine, query };
      return createChannelTurns({ database: mine, clock, log: quietLog, holder: "b" });
    },
  });
});

Deno.test("channel turns are all taken where nobody else has the database", async () => {
  let told = 0;
  const work = () => Promise.resolve(void told++);
  equal(
    await EVERY_TURN.take(
      "wecom",
      () => EVERY_TURN.take("wecom", work, never).then(() => {}),
      never,
    ),
    true,
  );
  equal(told, 1);
});
