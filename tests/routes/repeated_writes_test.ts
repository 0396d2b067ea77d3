import assert from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { utc } from "@/tests/support/candles.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = utc("2024-01-01");
const COLUMNS = ["open_time", "open", "high", "low", "close", "volume"];

let made = 0;

/** A fresh series with ways to write it and to read its volumes. */
async function scene({ symbol = `R${++made}/USDT` } = {}) {
  const app = await openOnce();
  const body = { exchange: "kraken", symbol, interval: "1m", watch: false };
  const { data: { id } } = await app.json("POST", "/api/v1/series", { as: "admin", json: body });
  const ask = (method: string, path: string, key: string | undefined, json?: unknown) =>
    app.json(method, `/api/v1/series/${id}${path}`, {
      as: "admin",
      ...(json === undefined ? {} : { json }),
      headers: key === undefined ? {} : { "idempotency-key": `${key}-${id}` },
    });
  const end = START + 60 * 60_000;
  return {
    put: (volumes: readonly number[], key?: string) =>
      ask("POST", "/klines", key, {
        columns: COLUMNS,
        rows: volumes.map((volume, at) => [START + at * 60_000, 1, 2, 1, 1, volume]),
      }),
    remove: (key?: string) => ask("DELETE", `/klines?start=${START}&end=${end}&reason=x`, key),
    purge: (key?: string) => ask("DELETE", "?purge=true", key),
    watch: (watch: boolean, key?: string) =>
      app.json("POST", "/api/v1/series", {
        ...{ as: "admin", json: { ...body, watch } },
        headers: key === undefined ? {} : { "idempotency-key": `${key}-${id}` },
      }),
    async volumes(): Promise<unknown[]> {
      const query = `exchange=kraken&symbol=${symbol}&interval=1m&start=0`;
      const { data } = await app.json("GET", `/api/v1/klines?${query}`);
      return data.map((values: unknown[]) => values[5]);
    },
  };
}

Deno.test("a repeated POST of candles that changed nothing revises nothing that came since", async () => {
  const { put, volumes } = await scene();
  await put([7]);
  const first = await put([7], "same");
  assert.equal(first.data.unchanged, 1);
  await put([8]);
  const again = await put([7], "same");
  assert.deepEqual([again.status, again.data], [first.status, first.data]);
  assert.deepEqual(await volumes(), [8]);
});

Deno.test("a repeated DELETE of candles that found none takes none that came since", async () => {
  const { put, remove, volumes } = await scene();
  const first = await remove("none");
  assert.equal(first.data.removed, 0);
  await put([5]);
  const again = await remove("none");
  assert.deepEqual([again.status, again.data], [first.status, first.data]);
  assert.deepEqual(await volumes(), [5]);
});

Deno.test("a repeated DELETE that emptied its periods tells the same, and takes nothing again", async () => {
  const { put, remove, volumes } = await scene();
  await put([1, 2, 3, 4, 5]);
  const first = await remove("all");
  assert.equal(first.data.removed, 5);
  assert.deepEqual((await remove("all")).data, first.data);
  await put([6, 7]);
  assert.deepEqual((await remove("all")).data, first.data);
  assert.deepEqual(await volumes(), [6, 7]);
});

Deno.test("a repeated purge tells the same, and takes nothing that came since", async () => {
  const { put, purge, volumes } = await scene();
  await put([1, 2, 3]);
  const first = await purge("purge");
  assert.equal(first.data.removed, 3);
  assert.deepEqual((await purge("purge")).data, first.data);
  await put([9]);
  assert.deepEqual((await purge("purge")).data, first.data);
  assert.deepEqual(await volumes(), [9]);
});

Deno.test("a repeated POST of a series does not undo what somebody decided since", async () => {
  // The one that its venue has.
  const { watch } = await scene({ symbol: "BTC/USDT" });
  const first = await watch(false, "idle");
  assert.equal(first.status, 200);
  await watch(true);
  assert.deepEqual((await watch(false, "idle")).data, first.data);
  assert.equal((await watch(true)).data.watched, true);
});

Deno.test("two requests with one key at one moment act once and are told the same", async () => {
  const { put, volumes } = await scene();
  const [one, other] = await Promise.all([put([3], "twin"), put([3], "twin")]);
  assert.deepEqual(one.data, other.data);
  await put([4]);
  assert.deepEqual((await put([3], "twin")).data, one.data);
  assert.deepEqual(await volumes(), [4]);
});

Deno.test("what was refused is not kept: the same request may be sent again", async () => {
  const { put } = await scene();
  const refused = await put([], "late");
  const again = await put([], "late");
  assert.deepEqual([again.status, again.error?.code], [refused.status, refused.error?.code]);
});
