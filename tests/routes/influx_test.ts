import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";
import { candle, utc } from "@/tests/support/candles.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = utc("2024-01-01");
const MINUTE = 60_000;
const V2 = "/api/v2/write?org=o&bucket=b";
const TOKEN = { authorization: `Token ${TOKENS.writer}` };

function line(symbol: string, minute: number, close = "101"): string {
  const at = BigInt(START + minute * MINUTE) * 1_000_000n;
  return `candles,exchange=okx,symbol=${symbol},interval=1m open=100.1,high=102,low=99,` +
    `close=${close},volume=0.5 ${at}`;
}

async function write(
  { ask }: TestApp,
  body: BodyInit,
  { path = V2, headers = TOKEN }: { path?: string; headers?: Record<string, string> } = {},
) {
  const response = await ask("POST", path, { body, headers });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text && JSON.parse(text),
  };
}

/** Minutes since the start and closes of what is held. */
async function held({ json }: TestApp, symbol: string): Promise<unknown> {
  const { data } = await json("GET", `/api/v1/klines?exchange=okx&symbol=${symbol}&interval=1m`);
  return data?.map((row: number[]) => [((row[0] ?? 0) - START) / MINUTE, row[4]]);
}

Deno.test("influx v2: candles are kept and nothing is said, also gzipped and a second time", async () => {
  const app = await openOnce();
  const lines = [line("AAA-USDT", 0), "# a comment", "", line("AAA-USDT", 1, "101.5")].join("\n");
  const first = await write(app, lines);
  assert.deepEqual([first.status, first.text], [204, ""]);
  const packed = await write(app, gzipSync(`${lines}\n${line("AAA-USDT", 2)}\r\n`), {
    headers: { ...TOKEN, "content-encoding": "gzip" },
  });
  assert.equal(packed.status, 204);
  assert.deepEqual(await held(app, "AAAUSDT"), [[0, 101], [1, 101.5], [2, 101]]);
});

Deno.test("influx: units of the timestamp, by version", async () => {
  const app = await openOnce();
  const base = line("BBB-USDT", 0).replace(/ \d+$/, "");
  const cases = [
    [`${V2}&precision=s`, START / 1000],
    [`${V2}&precision=ms`, START + MINUTE],
    [`${V2}&precision=us`, (START + 2 * MINUTE) * 1000],
    ["/write?db=x&precision=u", (START + 3 * MINUTE) * 1000],
    ["/write?db=x&precision=m", (START + 4 * MINUTE) / MINUTE],
  ] as const;
  for (const [path, at] of cases) {
    assert.equal((await write(app, `${base} ${at}`, { path })).status, 204, path);
  }
  assert.deepEqual(await held(app, "BBBUSDT"), [0, 1, 2, 3, 4].map((minute) => [minute, 101]));
});

Deno.test("influx: of equal points the last one counts", async () => {
  const app = await openOnce();
  const lines = [line("CCC-USDT", 0, "100.5"), line("CCC-USDT", 0, "101.5")].join("\n");
  assert.equal((await write(app, lines)).status, 204);
  assert.deepEqual(await held(app, "CCCUSDT"), [[0, 101.5]]);
});

Deno.test("influx: the exchange may come with the request, as the measurement's end or a tag", async () => {
  const app = await openOnce();
  const fields = `open=100.1,high=102,low=99,close=101,volume=0.5 ${START}`;
  const lines = [
    `candles-OKX,symbol=DDD-USDT,interval=1m ${fields}`,
    `candles,symbol=EEE-USDT,interval=1m ${fields}`,
  ];
  const path = `${V2}&precision=ms&exchange=okx`;
  assert.equal((await write(app, lines.join("\n"), { path })).status, 204);
  assert.deepEqual([await held(app, "DDDUSDT"), await held(app, "EEEUSDT")], [[[0, 101]], [
    [0, 101],
  ]]);
});

Deno.test("influx: however a symbol is written, its candles join the one series of it", async () => {
  const app = await openOnce();
  const spot = ["MMM-USDT", "MMMUSDT", "mmm/usdt", "Mmm_Usdt"];
  const swap = ["MMM-USDT_USDT", "MMM-USDT-PERP", "MMM/USDT:USDT", "mmm-usdt_usdt"];
  const lines = [...spot, ...swap].map((symbol, i) => line(symbol, i));
  assert.equal((await write(app, lines.join("\n"))).status, 204);
  const { data } = await app.json("GET", "/api/v1/series");
  const ids = data.map(({ id }: { id: string }) => id)
    .filter((id: string) => id.toUpperCase().includes("MMM"));
  assert.deepEqual(ids.toSorted(), ["okx.MMM-USDT.1m", "okx.MMM-USDT_USDT.1m"]);
  assert.deepEqual(await held(app, "MMM/USDT"), [0, 1, 2, 3].map((minute) => [minute, 101]));
});

Deno.test("influx: a series that was added under a folder's name takes the symbol's candles", async () => {
  const app = await openOnce();
  const old = { exchange: "okx", symbol: "NNN-USDT_USDT", interval: "1m" } as const;
  const first = candle({ openTime: START });
  await app.house.ingest.ingestCandles(old, [first], {
    ...{ source: "api", actor: "key:writer", commandId: crypto.randomUUID() },
  });
  assert.equal((await write(app, line("NNN/USDT:USDT", 1))).status, 204);
  const { data } = await app.json("GET", "/api/v1/series/okx.NNN-USDT_USDT.1m");
  assert.deepEqual([data.symbol, data.candles], ["NNN/USDT:USDT", 2]);
});

Deno.test("influx: good lines of a batch are kept, the others named with their reasons", async () => {
  const app = await openOnce();
  const lines = [
    line("FFF-USDT", 0),
    "nonsense",
    line("FFF-USDT", 1, "1000"),
    'trades-OKX,symbol=FFF-USDT side="buy\nor sell",price=1 1',
    line("FFF-USDT", 2),
    line("FFF-USDT", 12_000_000),
  ].join("\n");
  const { status, body } = await write(app, lines);
  assert.deepEqual([status, body.code, Object.keys(body)], [400, "invalid", ["code", "message"]]);
  assert.match(
    body.message,
    /^partial write: line 2: unable to parse 'nonsense': missing fields; /,
  );
  assert.match(body.message, /line 3: ohlc_violation; line 4: unable to parse '.*only candles/s);
  assert.match(body.message, /line 7: bad_time dropped=4$/);
  assert.deepEqual(await held(app, "FFFUSDT"), [[0, 101], [2, 101]]);
});

Deno.test("influx v1: the same failures in its own words", async () => {
  const app = await openOnce();
  const { status, body } = await write(app, "nonsense", { path: "/write?db=x" });
  assert.equal(status, 400);
  assert.match(body.error, /^partial write: line 1: unable to parse 'nonsense'/);
});

Deno.test("influx: rejected candles are kept with their reasons, as every other ingest does", async () => {
  const app = await openOnce();
  await write(app, line("GGG-USDT", 0, "1000"));
  const path = "/api/v1/events?type=KlinesRejected&stream=klines_rejected-okx.GGG-USDT.1m";
  const { data } = await app.json("GET", path, { as: "admin" });
  assert.deepEqual(data[0].data.reasons, { ohlc_violation: 1 });
  assert.equal(data[0].meta.actor, "key:writer");
});

Deno.test("influx: many lines of one series, streamed in, are all kept", async () => {
  const app = await openOnce();
  const count = 3_000;
  const lines = Array.from({ length: count }, (_, i) => line("HHH-USDT", i));
  lines[700] = line("HHH-USDT", 700, "1000");
  const { status, body } = await write(app, lines.join("\n"));
  assert.equal(status, 400);
  assert.equal(body.message, "partial write: line 701: ohlc_violation dropped=1");
  const { data } = await app.json("GET", "/api/v1/series/okx.HHH-USDT.1m");
  assert.equal(data.candles, count - 1);
});

const TOKENS_ACCEPTED: readonly [path: string, headers: Record<string, string>][] = [
  [V2, { authorization: `Token ${TOKENS.writer}` }],
  [V2, { authorization: `Bearer ${TOKENS.admin}` }],
  [V2, { authorization: `Token me:${TOKENS.writer}` }],
  [V2, { authorization: `Basic ${btoa(`me:${TOKENS.writer}`)}` }],
  [`/write?db=x&u=me&p=${TOKENS.writer}`, {}],
];

Deno.test("influx: a write token is taken as Token, Bearer, Basic or u and p", async () => {
  const app = await openOnce();
  for (const [path, headers] of TOKENS_ACCEPTED) {
    const { status } = await write(app, line("III-USDT", 0), { path, headers });
    assert.equal(status, 204, JSON.stringify([path, headers]));
  }
});

const REFUSED: readonly [
  path: string,
  headers: Record<string, string>,
  status: number,
  code: string,
][] = [
  [V2, {}, 401, "unauthorized"],
  [V2, { authorization: "Token nobody" }, 401, "unauthorized"],
  [V2, { authorization: "Digest x" }, 401, "unauthorized"],
  [V2, { authorization: "Basic %%%" }, 401, "unauthorized"],
  [V2, { authorization: `Token ${TOKENS.reader}` }, 403, "forbidden"],
  [`${V2}&precision=m`, TOKEN, 400, "invalid"],
  [`${V2}&precision=toString`, TOKEN, 400, "invalid"],
  [V2, { ...TOKEN, "content-encoding": "gzip" }, 400, "invalid"],
  [V2, { ...TOKEN, "content-encoding": "br" }, 415, "unsupported media type"],
];

Deno.test("influx: each refusal has InfluxDB's shape", async () => {
  const app = await openApp();
  try {
    for (const [path, headers, status, code] of REFUSED) {
      const answer = await write(app, line("JJJ-USDT", 0), { path, headers });
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(headers));
      assert.equal(typeof answer.body.message, "string");
    }
    assert.deepEqual((await app.json("GET", "/api/v1/series")).data, []);
  } finally {
    await app.close();
  }
});

Deno.test("influx: too many writes and other methods have InfluxDB's shape, too", async () => {
  const app = await openApp({
    settings: { rateLimits: { auth: 0, lab: 0, write: 1, market: 0 } },
  });
  try {
    assert.equal((await write(app, line("LLL-USDT", 0))).status, 204);
    const limited = await write(app, line("LLL-USDT", 1));
    assert.deepEqual([limited.status, limited.body.code], [429, "too many requests"]);
    assert.match(limited.headers.get("retry-after") ?? "", /^\d+$/);
    const get = await app.ask("GET", "/write");
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
    assert.equal((await get.json()).code, "method not allowed");
  } finally {
    await app.close();
  }
});

Deno.test("influx: close times are kept, and a number that is missing or bad is named", async () => {
  const app = await openOnce();
  const fields = "open=100,high=102,low=99,close=101";
  const lines = [
    `candles,exchange=okx,symbol=SSS-USDT,interval=1m ${fields},volume=1,close_time=${
      START + 31_234
    }i ${START}`,
    `candles,exchange=okx,symbol=SSS-USDT,interval=1m ${fields} ${START + MINUTE}`,
    `candles,exchange=okx,symbol=SSS-USDT,interval=1m ${fields},volume=1,close_time=${START} ${
      START + 2 * MINUTE
    }`,
  ];
  const { status, body } = await write(app, lines.join("\n"), { path: `${V2}&precision=ms` });
  assert.equal(status, 400);
  assert.match(
    body.message,
    /^partial write: line 2: bad_number: volume is missing; line 3: unable to parse '.*': bad close_time: it is not after the open time dropped=2$/,
  );
  const path = "/compat/binance/okx/api/v3/klines?symbol=SSSUSDT&interval=1m";
  const [row] = await (await app.ask("GET", path)).json();
  assert.deepEqual([row[0], row[6]], [START, START + 31_234]);
});

const latin1 = (text: string) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

/** The bytes as a client sends them that writes a few at a time. */
function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.slice(i * size, (i + 1) * size),
  );
  return ReadableStream.from(pieces);
}

Deno.test("influx: lines that are not UTF-8 are named, those around them are kept, however it is sent", async () => {
  const app = await openOnce();
  const lines = [
    ...[line("PPP-USDT", 0), "\xff\xfe", line("PPP-USDT", 1), `# caf\xe9 "`],
    // A quote that opens in what is damaged takes no good line with it.
    ...['candles,note=x v="caf\xe9', line("PPP-USDT", 2), line("QQQ-USDT\xc3", 0)],
    // What others put there for a sign that they could not read is a sign like any other.
    line("PPP-USDT", 3).replace("candles", "k\xef\xbf\xbdrzen"),
  ];
  const bytes = latin1(lines.join("\n"));
  const bodies = [bytes, inPieces(bytes, 7), new Uint8Array(gzipSync(bytes))] as const;
  for (const body of bodies) {
    const packed = body === bodies[2] ? { ...TOKEN, "content-encoding": "gzip" } : TOKEN;
    const { status, body: told } = await write(app, body, { headers: packed });
    assert.equal(status, 400);
    assert.match(
      told.message,
      /^partial write: line 2: unable to parse '\ufffd\ufffd': not UTF-8; line 5: .*: not UTF-8; line 7: .*: not UTF-8 dropped=3$/,
    );
    assert.deepEqual(await held(app, "PPPUSDT"), [0, 1, 2, 3].map((minute) => [minute, 101]));
  }
});

Deno.test("influx: signs of several bytes may be cut anywhere, and a byte order mark is no sign", async () => {
  const app = await openOnce();
  const lines = [`\ufeff${line("RRR-USDT", 0)}`, `${line("RRR-USDT", 1)}`]
    .map((text) => text.replace("candles", "k\u00e9rz\u20ac\u{1f56f}"));
  const bytes = new TextEncoder().encode(lines.join("\n"));
  for (const size of [1, 2, 3, 5]) {
    assert.equal((await write(app, inPieces(bytes, size))).status, 204, `${size}`);
  }
  assert.deepEqual(await held(app, "RRRUSDT"), [[0, 101], [1, 101]]);
});

Deno.test("influx: what is too large or never ends is refused whole", async () => {
  const app = await openOnce();
  const bomb = gzipSync(new Uint8Array(70 * 1024 * 1024).fill(10));
  const large = await write(app, bomb, { headers: { ...TOKEN, "content-encoding": "gzip" } });
  assert.deepEqual([large.status, large.body.code], [413, "request too large"]);
  // Each line asks whether the text ends there: only new signs may be looked at.
  const unquoted = await write(app, `m v="${'\\"\n'.repeat(20_000)}`);
  assert.deepEqual([unquoted.status, unquoted.body.code], [400, "invalid"]);
  const endless = await write(app, "m ".padEnd(300_000, "v"));
  assert.equal(endless.status, 413);
  assert.equal((await write(app, "\n# nothing\n")).status, 204);
});

Deno.test("influx: lines of a venue that does not exist are named and found no series", async () => {
  const app = await openOnce();
  const lines = [line("OOO-USDT", 0), line("OOO-USDT", 1).replace("=okx", "=nosuch")];
  const { status, body } = await write(app, lines.join("\n"));
  assert.deepEqual([status, body.code], [400, "invalid"]);
  assert.match(
    body.message,
    /^partial write: line 2: unable to parse '.*': unknown exchange nosuch: .* dropped=1$/,
  );
  assert.deepEqual(await held(app, "OOOUSDT"), [[0, 101]]);
  const { data } = await app.json("GET", "/api/v1/series");
  assert.ok(data.every(({ exchange }: { exchange: string }) => exchange === "okx"));
});

Deno.test("influx: clients that look whether it is there find it", async () => {
  const app = await openOnce();
  for (const method of ["GET", "HEAD"]) {
    const { status, headers } = await app.ask(method, "/ping");
    assert.equal(status, 204);
    assert.match(headers.get("x-influxdb-version") ?? "", /^2\./);
    assert.equal(headers.get("x-influxdb-build"), "OSS");
  }
  const health = await app.ask("GET", "/health");
  assert.equal(health.status, 200);
  const { name, status, message, version } = await health.json();
  assert.deepEqual([name, status, typeof message, typeof version], [
    ...["influxdb", "pass", "string", "string"],
  ]);
});

const NOT_SERVED: readonly [method: string, path: string, keys: string[]][] = [
  ["GET", "/query?q=SHOW+DATABASES", ["error", "code", "message"]],
  ["POST", "/query?q=CREATE+DATABASE+x", ["error", "code", "message"]],
  ["POST", "/api/v2/query?org=o", ["code", "message"]],
  ["GET", "/api/v2/buckets", ["code", "message"]],
  ["POST", "/api/v2/delete", ["code", "message"]],
];

Deno.test("influx: what is not served says so in InfluxDB's shape", async () => {
  const app = await openOnce();
  for (const [method, path, keys] of NOT_SERVED) {
    const response = await app.ask(method, path);
    const body = await response.json();
    assert.deepEqual([response.status, Object.keys(body)], [404, keys], path);
    assert.equal(body.code, "not found");
    assert.match(body.message, /not supported.*\/api\/v1\/klines/);
  }
});

Deno.test("influx: made-up candles and real ones do not mix", async () => {
  const app = await openOnce();
  const lines = [line("KKK-USDT", 0).replace("exchange=okx", "exchange=simulated")];
  const { status, body } = await write(app, lines.join("\n"));
  assert.equal(status, 400);
  assert.match(body.message, /Cannot add a simulated series/);
});
