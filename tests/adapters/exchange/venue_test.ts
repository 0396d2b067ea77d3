import assert from "node:assert/strict";
import { openVenue, type VenueOptions } from "@/adapters/exchange/venue.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";

const NOW = Date.UTC(2024, 0, 2);

interface Served {
  readonly paths: string[];
  readonly url: string;
  close(): Promise<void>;
}

/** Answers each path (`*` is any other) in turn; the last answer is repeated. */
function serve(answers: Readonly<Record<string, readonly (() => Response)[]>>): Served {
  const paths: string[] = [];
  const left = new Map(Object.entries(answers).map(([path, list]) => [path, [...list]]));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    const list = left.get(pathname) ?? left.get("*") ?? [];
    const answer = list.length > 1 ? list.shift() : list[0];
    return answer?.() ?? new Response("{}", { status: 404 });
  });
  return { paths, url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

async function withVenue(
  server: Served,
  options: Partial<VenueOptions> & { id?: string },
  body: (
    venue: NonNullable<Awaited<ReturnType<typeof openVenue>>>,
    clock: ReturnType<typeof leapingClock>,
  ) => Promise<void>,
): Promise<void> {
  const clock = leapingClock(NOW);
  const { id = "bitvavo", ...rest } = options;
  const venue = await openVenue(id, { clock, baseUrl: server.url, ...rest }) ?? assert.fail();
  try {
    await body(venue, clock);
  } finally {
    await venue.close();
    await server.close();
  }
}

const json = (value: unknown) => () => Response.json(value);
const MARKETS = json([{ market: "BTC-EUR", status: "trading", base: "BTC", quote: "EUR" }]);

Deno.test("venue of an unknown id is not opened", async () => {
  assert.equal(await openVenue("nosuchvenue", { clock: leapingClock(NOW) }), undefined);
});

Deno.test("venue loads its symbols once, whoever needs them", async () => {
  const server = serve({ "/v2/markets": [MARKETS], "/v2/assets": [json([])] });
  await withVenue(server, {}, async (venue) => {
    await Promise.all([venue.loadMarkets(), venue.loadMarkets()]);
    await venue.loadMarkets();
    assert.equal(server.paths.filter((path) => path === "/v2/markets").length, 1);
    assert.ok(venue.client.markets !== undefined && "BTC/EUR" in venue.client.markets);
  });
});

Deno.test("venue loads its symbols again after a failure", async () => {
  const down = () => new Response("down", { status: 503 });
  const server = serve({ "/v2/markets": [down, MARKETS], "/v2/assets": [json([])] });
  await withVenue(server, {}, async (venue) => {
    await assert.rejects(venue.loadMarkets(), { retryable: true, message: /HTTP 503/ });
    await venue.loadMarkets();
    assert.ok(venue.client.markets !== undefined);
  });
});

Deno.test("venue spaces requests by the exchange's own pace, and by ours where that is slower", async () => {
  for (const [intervalMs, least] of [[undefined, 60], [1, 60], [5_000, 5_000]] as const) {
    const server = serve({ "/v2/time": [json({ time: NOW })] });
    await withVenue(server, { intervalMs }, async (venue, clock) => {
      for (let i = 0; i < 3; i++) await venue.call("time", () => venue.client.fetchTime());
      const waited = clock.now() - NOW;
      assert.ok(waited >= 2 * least && waited < 3 * least, `${waited} ms`);
    });
  }
});

Deno.test("venue waits longer after requests that weigh more", async () => {
  const server = serve({ "/fapi/v1/klines": [json([])] });
  await withVenue(server, { id: "binanceusdm" }, async (venue, clock) => {
    const ask = (limit: number) =>
      venue.call(
        "klines",
        () => venue.client.fapiPublicGetKlines({ symbol: "BTCUSDT", interval: "1m", limit }),
      );
    for (let i = 0; i < 3; i++) await ask(10);
    const light = clock.now() - NOW;
    for (let i = 0; i < 2; i++) await ask(1000);
    await ask(10);
    const heavy = clock.now() - NOW - light;
    assert.ok(heavy >= 4 * light, `${light} ms, then ${heavy} ms`);
  });
});

Deno.test("venue tells the time of its Date header where it has no question for it", async () => {
  const date = new Date(NOW - 3_600_000).toUTCString();
  const answer = () => Response.json([], { headers: { date } });
  const server = serve({ "*": [answer] });
  await withVenue(server, { id: "bitstamp" }, async (venue) => {
    assert.notEqual(venue.client.has.fetchTime, true);
    const time = await venue.time();
    assert.ok(Math.abs(time - (NOW - 3_600_000)) <= 1_000, new Date(time).toISOString());
  });
});

Deno.test("venue refuses to tell a time that is none", async () => {
  const server = serve({ "/v2/time": [json({ error: "?" })] });
  await withVenue(server, {}, async (venue) => {
    await assert.rejects(venue.time(), { retryable: true, message: /does not tell its time/ });
  });
});

Deno.test("venue sends nothing for a request that was aborted while it waited", async () => {
  const server = serve({ "/v2/time": [json({ time: NOW })] });
  await withVenue(server, {}, async (venue) => {
    const reason = new Error("enough");
    const stop = new AbortController();
    stop.abort(reason);
    const asked = venue.call("time", () => venue.client.fetchTime(), { signal: stop.signal });
    await assert.rejects(asked, reason);
    assert.deepEqual(server.paths, []);
  });
});

Deno.test("venue that is closed takes no more requests", async () => {
  const server = serve({ "/v2/time": [json({ time: NOW })] });
  const venue = await openVenue("bitvavo", { clock: leapingClock(NOW), baseUrl: server.url }) ??
    assert.fail();
  await venue.close();
  await assert.rejects(venue.time(), { name: "AbortError" });
  await server.close();
});
