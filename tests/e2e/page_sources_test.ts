import { deepEqual, equal, match, ok } from "node:assert/strict";
import { COOKIE, SELECTORS } from "../support/open_sites.ts";
import { type Place, withPlace } from "../support/place.ts";
import { type RunningProgram, runProgram, startProgram, waitUntil } from "../support/program.ts";
import { allGone, BROWSER, browserTest, processesIn } from "../support/real_browser.ts";
import { startSources } from "../support/source_server.ts";

/** JSON of any shape: tests reach into it. */
type Data = ReturnType<typeof JSON.parse>;

const TOKEN = "operator-27182818284590";

async function dataOf(program: RunningProgram, path: string, method = "GET"): Promise<Data> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const body: Data = await (await program.get(path, { method, headers })).json();
  equal(body.success, true, `${path}: ${JSON.stringify(body.error)}`);
  return body.data;
}

async function runOf(program: RunningProgram, source: string): Promise<Data> {
  const { run_id } = await dataOf(program, `/admin/crawler/${source}/run`, "POST");
  let run: Data;
  const isOver = async () => {
    run = await dataOf(program, `/admin/crawler/runs/${run_id}`);
    return run.status !== "running";
  };
  equal(await waitUntil(isOver), true, JSON.stringify(run));
  return run;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

/** Starts programs; those that a failed test has left running are killed. */
async function withPrograms(
  test: (start: typeof startProgram) => Promise<void>,
): Promise<void> {
  const started: RunningProgram[] = [];
  try {
    await test(async (...options) => {
      const program = await startProgram(...options);
      started.push(program);
      return program;
    });
  } finally {
    for (const { stop } of started) await stop("SIGKILL").catch(() => {});
  }
}

browserTest(
  "page sources: crawled with named permissions, and no browser outlives its service",
  async () => {
    const sites = startSources({
      faults: ({ source }) => source === "rongda2" ? { kind: "login_wall" } : undefined,
    });
    const crawl = async ({ settings: place, path }: Place, start: typeof startProgram) => {
      const temp = path("data/tmp");
      const settings = {
        ...{ ...place, ADMIN_TOKEN: TOKEN, BROWSER_PATH: BROWSER ?? "" },
        SOURCE_URLS: JSON.stringify(sites.urls),
        ...{ SOURCE_RONGDA_COOKIE: COOKIE, SOURCE_RONGDA_SELECTORS: SELECTORS.page },
        ...{ SOURCE_RONGDA2_COOKIE: COOKIE, SOURCE_RONGDA2_SELECTORS: SELECTORS.page },
      };
      const flags = (await runProgram(["flags", "serve"], { settings })).stdout.trim().split(
        "\n",
      );
      deepEqual(flags.filter((flag) => /run|all$/.test(flag)), [`--allow-run=${BROWSER}`]);
      const program = await start(settings, { flags });
      const running = () => processesIn(`${temp}/`);
      deepEqual(await running(), []);

      const run = await runOf(program, "rongda");
      deepEqual([run.status, run.rows], ["succeeded", 2], JSON.stringify(run));
      const reports: Data[] = await dataOf(program, "/api/v1/reports?source=rongda");
      deepEqual(
        reports.map(({ product, contract, values }) => [product, contract, values.strength]),
        [["RB", undefined, "85.5"], ["RB", "RB2701", null]],
      );
      equal(sites.requestsOf("rongda")[0]?.headers.get("cookie"), COOKIE);

      // What the browser is given of ours: nothing.
      const browsers = await running();
      ok(browsers.length > 0);
      for (const pid of browsers) {
        const given = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
        ok(!/ADMIN_TOKEN|SOURCE_|operator-/.test(given), given);
      }

      await program.stop("SIGKILL");
      equal(await allGone(temp), true);
      const [left] = await namesIn(temp);
      const again = await start(settings, { flags });
      ok(!(await namesIn(temp)).includes(left ?? ""));

      const walled = await runOf(again, "rongda2");
      deepEqual([walled.status, walled.error_class, walled.attempts.length], [
        ...["failed", "LoginRequired", 1],
      ]);
      match(walled.error_message, /^Cannot crawl rongda2: /);
      ok((await running()).length > 0);
      equal((await again.stop()).code, 0, again.log());
      equal(await allGone(temp), true);
      deepEqual(await namesIn(temp), ["lock"]);
    };
    try {
      await withPlace((place) => withPrograms((start) => crawl(place, start)));
    } finally {
      await sites.close();
    }
  },
);
