import { openApp } from "@/tests/support/app.ts";
const app = await openApp();
const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
await app.json("POST", "/api/v1/series", { as: "admin", json });
const rows = Array.from({length: 1000}, (_, i) => [1704067200000 + i*60000, `${40000+i}.12`, `${40002+i}.34`, `${39999+i}.5`, `${40001+i}.77`, `${i}.12345`, 1704067200000 + i*60000+59999, "1234567.12345", 1000+i, "0.1234", "12345.678"].join(","));
await app.json("POST", "/api/v1/series/kraken.AAA-USDT.1m/klines", { as: "admin", body: rows.join("\n"), headers: {"content-type": "text/csv"}});
const url = "http://localhost/api/v1/klines?exchange=kraken&symbol=AAA/USDT&interval=1m&limit=1000";
for (let k = 0; k < 3; k++) {
  const t0 = performance.now(); let bytes = 0; const n = 20000;
  for (let i = 0; i < n; i++) { const r = await app.app.fetch(new Request(url), { remoteAddr: { hostname: "127.0.0.1" } }); if (i === 0) bytes = (await r.arrayBuffer()).byteLength; }
  console.log(Math.round(n / (performance.now() - t0) * 1000), "req/s in process", bytes, "bytes");
}
if (Deno.args[0] === "serve") {
  const server = Deno.serve({ port: 8123, hostname: "127.0.0.1" }, (req, info) => app.app.fetch(req, info));
  await new Promise((r) => setTimeout(r, Number(Deno.args[1])));
  await server.shutdown();
}
await app.close();
