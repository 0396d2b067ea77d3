import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "puppeteer-core";
import type { OpenBrowser } from "@/adapters/browser/open_browser.ts";
import { TOKENS } from "@/tests/support/app.ts";
import {
  attemptOf,
  type CrawlerTables,
  crawlerTables,
  infoOf,
  recordOf,
  runOf,
} from "@/tests/support/crawler_tables.ts";
import { waitUntil } from "@/tests/support/program.ts";
import { browserFolder, browserTest, openChromium } from "@/tests/support/real_browser.ts";
import { serveApp, type ServedApp } from "@/tests/support/served_app.ts";

/** What a source could answer to break out of a page, in text, attributes and scripts. */
const NASTY = `"'><img src=x onerror=alert(1)></script><script>alert(2)</script>` +
  `<a href="javascript:alert(3)" data-post="/admin/crawler/sina/run">x</a>`;

interface Scene {
  readonly app: ServedApp;
  readonly tables: CrawlerTables;
  readonly browser: OpenBrowser;
  close(): Promise<void>;
}

async function openScene(): Promise<Scene> {
  const tables = crawlerTables({
    infos: [infoOf("openvlab"), infoOf("sina"), infoOf("rongda", { missing: ["BROWSER_PATH"] })],
    paused: new Map([["openvlab", { reason: NASTY, since: 0 }]]),
    records: [recordOf("sina", { lastSuccessAt: Date.now(), lastStatus: "succeeded" })],
  });
  const folder = await browserFolder();
  const [app, browser] = await Promise.all([serveApp({ tables }), openChromium(folder.path)]);
  const response = await app.house.blobs.put(new TextEncoder().encode(NASTY));
  tables.runs.push(runOf({
    ...{ runId: "run-nasty", source: NASTY, status: "failed", startedAt: 1, finishedAt: 2 },
    ...{ errorClass: "SchemaChanged", errorMessage: NASTY, httpStatus: 200 },
    attempts: [attemptOf({ errorMessage: NASTY, response })],
  }));
  return {
    ...{ app, tables, browser },
    async close() {
      await browser.close();
      await app.close();
      await folder.remove();
    },
  };
}

let opened: Promise<Scene> | undefined;
const scene = () => opened ??= openScene();
Deno.test.afterAll(async () => await (await opened)?.close());

/** A person at a page of the service. */
interface Visitor {
  readonly page: Page;
  /** Questions that came up, and what is answered to the next ones: null is "Cancel". */
  readonly asked: string[];
  readonly answers: (string | null)[];
  text(selector: string): Promise<string>;
  /** Clicks at once what is there now: the page draws its tables anew while somebody looks. */
  press(selector: string): Promise<unknown>;
  /** Which of these are there to be seen. */
  isSeen(selector: string): Promise<boolean>;
  signIn(token: string): Promise<void>;
  /** Waits until a text holds this. */
  sees(selector: string, what: string): Promise<void>;
}

/** Visits with nothing of others; whatever a browser complains about fails the test. */
async function visit(path: string, test: (visitor: Visitor) => Promise<void>): Promise<void> {
  const { app, browser } = await scene();
  const context = await browser.browser.createBrowserContext();
  const page = await context.newPage();
  const [asked, answers, complaints]: [string[], (string | null)[], string[]] = [[], [], []];
  page.on("dialog", async (dialog) => {
    asked.push(dialog.message());
    const answer = answers.shift();
    if (answer === undefined || answer === null) await dialog.dismiss();
    else await dialog.accept(answer);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // A refused token is a refused token.
    if (message.type() === "error" && !/status of 40[13]/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  const of = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`;
  const press = (selector: string) => page.evaluate(`${of(selector)}.click()`);
  const text = async (selector: string) =>
    String(await page.evaluate(`${of(selector)}?.textContent ?? "nothing"`));
  const visitor: Visitor = {
    ...{ page, asked, answers, text, press },
    isSeen: async (selector) => await page.evaluate(`${of(selector)}?.checkVisibility()`) === true,
    async signIn(token) {
      await page.evaluate(`${of("#token")}.value = ${JSON.stringify(token)}`);
      await page.click("#sign-in button");
    },
    async sees(selector, what) {
      const found = async () => (await text(selector)).includes(what);
      const isThere = await waitUntil(found);
      ok(isThere, `${selector}: ${await text(selector)}`);
    },
  };
  try {
    await page.goto(`${app.httpUrl}${path}`);
    await test(visitor);
    deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

browserTest(
  "crawlers page: shows health and log to who signs in, for the time of the tab",
  async () => {
    const { app } = await scene();
    await visit("/admin/crawlers", async ({ page, text, isSeen, signIn, sees }) => {
      equal(await isSeen("#sign-in"), true);
      match(await text("main"), /Sign in/);
      await signIn("nobody-holds-this-token");
      await sees("#note", "does not suffice");
      deepEqual([await isSeen("#sign-in"), await text("#health")], [true, "nothing"]);

      await signIn(TOKENS.admin);
      await sees("#health", "sina");
      match(await text("#health"), /missing: BROWSER_PATH/);
      match(await text("#log"), /SchemaChanged/);
      deepEqual([await isSeen("#sign-in"), await isSeen("#sign-out")], [false, true]);
      equal(await page.evaluate(`document.querySelector("#token").value`), "");
      ok(!page.url().includes(TOKENS.admin));

      await page.reload();
      await sees("#health", "sina");
      const other = await page.browserContext().newPage();
      await other.goto(`${app.httpUrl}/admin/crawlers`);
      equal(await other.$("#health"), null);
      await other.close();
      await Promise.all([page.waitForNavigation(), page.click("#sign-out")]);
      deepEqual([await isSeen("#sign-in"), await text("#health")], [true, "nothing"]);
    });
  },
);

browserTest("crawlers page: what sources say stays text, on both pages", async () => {
  await visit("/admin/crawlers", async ({ page, asked, text, signIn, sees }) => {
    await signIn(TOKENS.admin);
    await sees("#log", NASTY);
    ok((await text("#health")).includes(NASTY));
    const shapes = () =>
      page.evaluate(
        `[document.querySelectorAll("img, main script, main [onerror], [href^=javascript]")
        .length, document.querySelectorAll("a[data-post]").length]`,
      );
    deepEqual(await shapes(), [0, 0]);
    await page.type("input[name=q]", NASTY);
    await Promise.all([page.waitForNavigation(), page.click("form.filters button")]);
    await sees("#log", NASTY);
    deepEqual(await shapes(), [0, 0]);
    await Promise.all([page.waitForNavigation(), page.click("#log td a")]);
    await sees("#run", NASTY);
    deepEqual([await shapes(), asked], [[0, 0], []]);
  });
});

browserTest(
  "crawlers page: its buttons run, pause and resume with the token, and say how it went",
  async () => {
    const { tables } = await scene();
    const button = (name: string, action: string) =>
      `button[data-post="/admin/crawler/${name}/${action}"]`;
    await visit("/admin/crawlers", async ({ press, asked, answers, isSeen, signIn, sees }) => {
      await signIn(TOKENS.admin);
      await sees("#health", "sina");
      equal(await isSeen(button("rongda", "run")), false);
      await press(button("sina", "run"));
      await sees("#note", "Started.");
      await sees("#health", "running");
      equal(await isSeen(button("sina", "run")), false);

      answers.push(null, NASTY);
      await press(button("rongda", "pause"));
      await waitUntil(() => Promise.resolve(asked.length === 1));
      await press(button("rongda", "pause"));
      await sees("#note", "Paused.");
      deepEqual(tables.paused.get("rongda")?.reason, NASTY);
      equal(asked.length, 2);
      await press(button("openvlab", "resume"));
      await sees("#note", "Resumed.");
      equal(tables.paused.has("openvlab"), false);
      deepEqual(tables.done.map(({ what, name }) => [what, name]), [
        ...[["run", "sina"], ["pause", "rongda"], ["resume", "openvlab"]],
      ]);
      // Somebody else has started it meanwhile: the page says so and shows what is.
      await press(button("openvlab", "run"));
      await sees("#note", "Started.");
    });
  },
);

browserTest(
  "crawlers page: a kept answer is saved as a file, an expired token asks to sign in",
  async () => {
    await visit("/admin/crawlers/run-nasty", async ({ page, press, isSeen, signIn, sees }) => {
      await signIn(TOKENS.admin);
      await sees("#run", "SchemaChanged");
      const session = await page.createCDPSession();
      await session.send("Browser.setDownloadBehavior", { behavior: "deny", eventsEnabled: true });
      const begun = Promise.withResolvers<string>();
      session.on(
        "Browser.downloadWillBegin",
        ({ suggestedFilename }) => begun.resolve(suggestedFilename),
      );
      await press("a[data-file]");
      equal(await begun.promise, "answer-1.bin");
      await page.evaluate(`sessionStorage.setItem("chandlery-token", "expired")`);
      await press("a[data-file]");
      await sees("#note", "does not suffice");
      deepEqual([await isSeen("#sign-in"), await isSeen("#sign-out")], [true, false]);
    });
  },
);

browserTest(
  "crawlers page: without script a browser signs in by HTTP, and has no buttons",
  async () => {
    const { app } = await scene();
    await visit("/health/live", async ({ page, isSeen, text }) => {
      await page.setJavaScriptEnabled(false);
      await page.authenticate({ username: "anyone", password: TOKENS.admin });
      await page.goto(`${app.httpUrl}/admin/crawlers?login`);
      match(await text("#health"), /sina/);
      deepEqual([await isSeen("#log"), await isSeen("button[data-post]")], [true, false]);
    });
  },
);
