import assert from "node:assert/strict";
import fc from "fast-check";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Caller } from "@/routes/auth.ts";
import type { AppEnv } from "@/routes/envelope.ts";
import { createErrorHandler } from "@/routes/errors.ts";
import { identifyWrite, type WriteIdentity } from "@/routes/idempotency.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

interface Write {
  readonly method?: string;
  readonly path?: string;
  readonly key?: string | undefined;
  readonly body?: string;
  readonly actor?: string;
  readonly fingerprintKey?: string;
}

async function identify(write: Write): Promise<WriteIdentity & { status: number }> {
  const { method = "POST", path = "/api/v1/series", key, body = "{}", actor = "admin" } = write;
  const caller: Caller = { kind: "caller", id: actor, admin: true, scopes: [] };
  const app = new OpenAPIHono<AppEnv>();
  app.onError(createErrorHandler({ log: quietLog, signal: new AbortController().signal }));
  app.all("*", async (c) => {
    c.set("actor", caller);
    return c.json(await identifyWrite(c, { body, fingerprintKey: write.fingerprintKey ?? "k" }));
  });
  const headers: HeadersInit = key === undefined ? {} : { "idempotency-key": key };
  const response = await app.request(path, { method, headers });
  return { ...await response.json(), status: response.status };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("write identity: is the same for the same actor, method, path and key", async () => {
  const write = { key: "one" };
  const [first, second] = [await identify(write), await identify(write)];
  assert.deepEqual(first, second);
  assert.match(first.commandId, UUID);
  assert.equal(first.actor, "admin");
  const slash = await identify({ ...write, path: "/api/v1/series/" });
  assert.equal(slash.commandId, first.commandId, "a trailing slash is the same path");
});

Deno.test("write identity: never changes, for retries may come after an upgrade", async () => {
  const { commandId, fingerprint } = await identify({ key: "one" });
  assert.equal(commandId, "adc190b0-c0b8-5dca-879c-fe7441e5177d");
  assert.equal(fingerprint, "fc2f419d85903ceb2e9aae958271ede8dca3eb6c38734c74d560f22ed6022903");
});

Deno.test("write identity: another actor, method, path or key is another command", async () => {
  const base = { key: "one" };
  const { commandId } = await identify(base);
  const others: readonly Write[] = [
    ...[{ ...base, actor: "key:1" }, { ...base, method: "DELETE" }],
    ...[{ ...base, path: "/api/v1/series/x" }, { key: "two" }],
  ];
  for (const other of others) {
    assert.notEqual((await identify(other)).commandId, commandId, JSON.stringify(other));
  }
});

Deno.test("write identity: another body or query has another fingerprint under the same command", async () => {
  const base = { key: "one" };
  const { commandId, fingerprint } = await identify(base);
  for (const other of [{ ...base, body: "{ }" }, { ...base, path: "/api/v1/series?purge=true" }]) {
    const changed = await identify(other);
    assert.equal(changed.commandId, commandId);
    assert.notEqual(changed.fingerprint, fingerprint);
  }
});

Deno.test("write identity: a fingerprint tells nothing of the body without its key", async () => {
  const base = { key: "one", body: '{"password":"hunter2"}' };
  const [ours, theirs] = [await identify(base), await identify({ ...base, fingerprintKey: "x" })];
  assert.match(ours.fingerprint ?? "", /^[0-9a-f]{64}$/);
  assert.notEqual(ours.fingerprint, theirs.fingerprint);
});

Deno.test("write identity: without a key every write is its own", async () => {
  const [first, second] = [await identify({}), await identify({})];
  assert.notEqual(first.commandId, second.commandId);
  assert.equal(first.fingerprint, undefined);
});

Deno.test("write identity: a key that is empty, long or not visible is refused", async () => {
  for (const key of ["", " ", "a b", "x".repeat(201), "é"]) {
    assert.equal((await identify({ key })).status, 422, JSON.stringify(key));
  }
  assert.equal((await identify({ key: "x".repeat(200) })).status, 200);
});

Deno.test("write identity: different keys never meet", async () => {
  const keys = fc.uniqueArray(fc.stringMatching(/^[!-~]{1,20}$/), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(keys, async (all) => {
      const ids = await Promise.all(all.map(async (key) => (await identify({ key })).commandId));
      assert.equal(new Set(ids).size, all.length);
    }),
    { numRuns: 50 },
  );
});
