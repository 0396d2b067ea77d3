import { deepEqual, rejects } from "node:assert/strict";
import { openRunningInstallation } from "@/adapters/remote/chandlery.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const HELD = {
  ...{ id: "binance.BTC-USDT.1m", ...SERIES, simulated: false, candles: 0 },
  ...{ first_open_time: null, last_open_time: null },
};

/** What an import told of the candles it added before the installation answered with this. */
async function addedUntil(status: number, code: string): Promise<unknown[]> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    if (request.method === "GET") return Response.json({ success: true, data: [HELD] });
    return Response.json({ success: false, error: { code, message: "it went wrong" } }, { status });
  });
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    await Deno.writeTextFile(path, "1609459200000,1,2,0.5,1,1\n");
    const installation = openRunningInstallation({
      address: `http://127.0.0.1:${server.addr.port}`,
      ...{ token: "t", clock: fakeClock(0), findOrphans: () => Promise.resolve([]) },
    });
    const told: unknown[] = [];
    const file = { name: path, path, format: "csv", gzip: false, sizeBytes: 30 } as const;
    await rejects(
      installation.importFiles({ series: SERIES, files: [file], overwrite: false }, {
        ...{ signal: new AbortController().signal, progress: silentProgress },
        ...{ reached() {}, added: (candles) => told.push(candles) },
      }),
      /it went wrong/,
    );
    return told;
  } finally {
    await server.shutdown();
    await Deno.remove(path);
  }
}

Deno.test("running installation: an import that fails halfway does not claim that nothing was added", async () => {
  deepEqual(await addedUntil(500, "INTERNAL"), [undefined]);
  deepEqual(await addedUntil(507, "STORAGE_FULL"), [undefined]);
});

Deno.test("running installation: an import that is refused as a whole added nothing", async () => {
  deepEqual(await addedUntil(422, "VALIDATION_ERROR"), []);
});
