import assert from "node:assert/strict";
import { DuckdbRpc } from "@/adapters/lake/duckdb_rpc.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";

function openRpc(): DuckdbRpc {
  const options = { tempDir: "/nowhere", allowedDirectories: [], memoryLimit: "1MB", threads: 1 };
  return new DuckdbRpc(options, new URL("./dying_worker.ts", import.meta.url));
}

function isCrash(error: unknown): boolean {
  return error instanceof AdapterError && error.port === "lake" && error.retryable &&
    error.hint !== undefined && /out of luck/.test(error.message);
}

Deno.test("calls of a worker that dies fail all together, as retryable", async () => {
  const rpc = openRpc();
  const query = { id: 1, outPath: "x" };
  const results = await Promise.allSettled([
    rpc.call("writeRejected", query),
    rpc.call("drop", query),
    rpc.call("writeRejected", query),
  ]);
  for (const result of results) assert.ok(result.status === "rejected" && isCrash(result.reason));
  await rpc.close();
});

Deno.test("the next call after a crash starts another worker, of a new generation", async () => {
  const rpc = openRpc();
  await rpc.call("describe", { path: "x" });
  const before = rpc.generation;
  await assert.rejects(rpc.call("drop", { id: 1 }), isCrash);
  assert.equal(String(await rpc.call("describe", { path: "x" })), "alive");
  assert.equal(rpc.generation, before + 1);
  await assert.rejects(rpc.close(), isCrash);
  await assert.rejects(rpc.call("describe", { path: "x" }), /closed/);
});
