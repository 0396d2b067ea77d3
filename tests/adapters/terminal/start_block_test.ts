import { doesNotMatch, equal, match } from "node:assert/strict";
import { startBlock } from "@/adapters/terminal/start_block.ts";

const facts = {
  address: "http://127.0.0.1:8000",
  dataDir: "/srv/data",
  database: "embedded",
  tokenFile: "/srv/data/admin-token",
  watched: ["binanceusdm:BTC/USDT:USDT:1m", "okx:ETH/USDT:1h"],
  simulated: false,
} as const;

Deno.test("the start block leads to a first page of candles, the docs, the data and the token", () => {
  const text = startBlock(facts).join("\n");
  match(text, /klines\?exchange=binanceusdm&symbol=BTC\/USDT:USDT&interval=1m\n/);
  match(text, /http:\/\/127\.0\.0\.1:8000\/docs/);
  match(text, /\/srv\/data \(embedded database\)/);
  match(text, /\/srv\/data\/admin-token/);
  match(text, /binanceusdm:BTC\/USDT:USDT:1m, okx:ETH\/USDT:1h/);
  doesNotMatch(text, /simulated/i);
});

Deno.test("the start block says SIMULATED in its first words when candles are made up", () => {
  const [, first, second] = startBlock({ ...facts, simulated: true });
  match(first ?? "", /SIMULATED/);
  match(second ?? "", /made up/);
});

Deno.test("the start block never shows a token, only where it lies", () => {
  const lines = startBlock({ ...facts, tokenFile: undefined, watched: [] });
  equal(lines.some((line) => line.includes("as configured in ADMIN_TOKEN")), true);
  equal(lines.some((line) => line.includes("nothing; see WATCH")), true);
});
