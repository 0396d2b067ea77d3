import { deepEqual, equal, match } from "node:assert/strict";
import { command, type Place, withPlace } from "../support/place.ts";
import { type RunningProgram, runProgram, startProgram, waitUntil } from "../support/program.ts";
import { startRobot } from "../support/robot_server.ts";
import type { SourceFault } from "../support/source_faults.ts";
import { startSources } from "../support/source_server.ts";

const SECRET = "SEC-of-this-robot";

/** JSON of any shape: tests reach into it. */
type Data = ReturnType<typeof JSON.parse>;

interface Desk {
  readonly settings: Readonly<Record<string, string>>;
  /** What happens to every request to openvlab from now on. */
  spoil(fault: SourceFault | undefined): void;
}

/** An installation that crawls sites on this machine. */
async function withDesk(test: (desk: Desk) => Promise<void>): Promise<void> {
  let fault: SourceFault | undefined;
  const sites = startSources({ faults: ({ source }) => source === "openvlab" ? fault : undefined });
  try {
    await withPlace(async ({ settings }: Place) => {
      const urls = { SOURCE_URLS: JSON.stringify(sites.urls), CRAWL_RETRY_DELAY_MS: "10" };
      await test({
        settings: { ...settings, ...urls, SOURCE_HZZHQX_TOKEN: "tok-31415926" },
        spoil: (value) => fault = value,
      });
    });
  } finally {
    await sites.close();
  }
}

async function dataOf(program: RunningProgram, path: string, init?: RequestInit): Promise<Data> {
  const response = await program.ask(path, init);
  const body: Data = await response.json();
  equal(body.success, true, `${path}: ${JSON.stringify(body.error)}`);
  return body.data;
}

async function runOf(program: RunningProgram, source: string): Promise<Data> {
  const path = `/admin/crawler/${source}/run`;
  const { run_id } = await dataOf(program, path, { method: "POST" });
  return await ended(program, run_id);
}

async function ended(program: RunningProgram, runId: string): Promise<Data> {
  let run: Data;
  const isOver = async () => {
    run = await dataOf(program, `/admin/crawler/runs/${runId}`);
    return run.status !== "running";
  };
  equal(await waitUntil(isOver), true, JSON.stringify(run));
  return run;
}

Deno.test("a market page goes from its site to the reports, by the API and by the command", async () => {
  await withDesk(async ({ settings }) => {
    const program = await startProgram(settings);
    const run = await runOf(program, "openvlab");
    deepEqual([run.status, run.trigger, run.attempts.length], ["succeeded", "manual", 1]);
    const started: Data[] = await dataOf(program, "/admin/crawler/logs");
    deepEqual(started.map(({ run_id }) => run_id), [run.run_id], "CRON=off starts nothing itself");
    const told = await command(["job", "hzzhqx"], settings);
    equal(told.job, "hzzhqx");
    const reports = await dataOf(program, "/api/v1/reports?size=1000");
    const bySource = Map.groupBy<string, Data>(reports, ({ source }: Data) => source);
    deepEqual([...bySource.keys()].sort(), ["hzzhqx", "openvlab"]);
    equal(bySource.get("openvlab")?.length, run.rows);
    equal(bySource.get("hzzhqx")?.length, told.rows);
    const [one] = await dataOf(program, "/api/v1/reports?source=hzzhqx&product=RB");
    deepEqual([one.kind, one.product], ["sentiment", "RB"]);
    const health: Data[] = await dataOf(program, "/admin/crawler/health");
    const states = new Map(health.map(({ source, state }) => [source, state]));
    deepEqual([states.get("openvlab"), states.get("rongda")], ["ok", "not_configured"]);
    await program.stop();

    // The same by hand on a stopped installation: what is crawled again takes its own place.
    equal((await command(["job", "openvlab"], settings)).rows, run.rows);
    const again = await startProgram(settings);
    equal((await dataOf(again, "/api/v1/reports?source=openvlab&size=1000")).length, run.rows);
    await again.stop();
  });
});

Deno.test("a source that has changed fails by that name, people are told, and told again when it works", async () => {
  const robot = startRobot({ kind: "dingtalk", secret: SECRET, now: Date.now });
  try {
    await withDesk(async ({ settings, spoil }) => {
      const alerts = { ALERT_URLS: `dingtalk://Token_1234567?secret=${SECRET}&base=${robot.url}` };
      const program = await startProgram({ ...settings, ...alerts });
      spoil({ kind: "schema_change" });
      const run = await runOf(program, "openvlab");
      deepEqual([run.status, run.error_class, run.attempts.length], [
        ...["failed", "SchemaChanged", 1],
      ]);
      await robot.arrived(1);
      match(robot.shown[0]?.text ?? "", /SchemaChanged/);
      match(robot.shown[0]?.text ?? "", new RegExp(`/admin/crawlers/${run.run_id}`));
      const kept = await program.ask(run.attempts[0].response.href);
      equal(kept.headers.get("content-type"), "application/octet-stream");
      match(await kept.text(), /New"/);
      const health: Data[] = await dataOf(program, "/admin/crawler/health");
      equal(health.find(({ source }) => source === "openvlab").state, "failing");
      spoil({ kind: "server_error", status: 503 });
      const worn = await runOf(program, "openvlab");
      deepEqual([worn.status, worn.http_status, worn.attempts.length], ["failed", 503, 4]);
      spoil(undefined);
      equal((await runOf(program, "openvlab")).status, "succeeded");
      await robot.arrived(2);
      match(robot.shown[1]?.text ?? "", /openvlab/);
      await program.stop();
    });
  } finally {
    await robot.close();
  }
});

Deno.test("a crawl that dies with its process is closed as crashed at the next start and made up for", async () => {
  await withDesk(async ({ settings, spoil }) => {
    const scheduled = { ...settings, CRON: "on" };
    const first = await startProgram(scheduled);
    spoil({ kind: "hang" });
    const path = "/admin/crawler/openvlab/run";
    const { run_id } = await dataOf(first, path, { method: "POST" });
    const again = await first.ask(path, { method: "POST" });
    equal(again.status, 409);
    await again.body?.cancel();
    await first.stop("SIGKILL");
    spoil(undefined);
    const second = await startProgram(scheduled);
    equal((await ended(second, run_id)).status, "crashed");
    const isMadeUp = async () => {
      const runs: Data[] = await dataOf(second, "/admin/crawler/logs?source=openvlab");
      return runs.some((run) =>
        run.status === "succeeded" && run.trigger === "after_crash" && run.retry_of === run_id
      );
    };
    equal(await waitUntil(isMadeUp), true);
    deepEqual((await second.stop()).code, 0);
  });
});

Deno.test("a folder of simulated candles asks no site and tells nobody, by hand either", async () => {
  await withPlace(async ({ settings }) => {
    const range = ["--since", "2024-05-01T00:00Z", "--until", "2024-05-01T00:05Z"];
    await command(["crawl", "simulated:BTC/USDT:1m", ...range], settings);
    const tokens = { SOURCE_HZZHQX_TOKEN: "tok-31415926", ALERT_URLS: "http://127.0.0.1:9/x" };
    const { code, stderr } = await runProgram(["job", "hzzhqx"], {
      settings: { ...settings, ...tokens },
    });
    equal(code, 2);
    match(stderr, /"hzzhqx" is no job of klines-live, klines, klines-gaps, archive, daily-report/);
  });
});
