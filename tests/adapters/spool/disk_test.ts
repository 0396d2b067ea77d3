import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { createDiskSpool } from "@/adapters/spool/disk.ts";
import { openWorkspace } from "@/adapters/workspace/disk.ts";
import type { SpoolOptions } from "@/domain/ports/spool.ts";

const LIMITS = { extension: "csv", maxSentBytes: 1_048_576, maxUnpackedBytes: 4_194_304 } as const;

Deno.test("disk spool: keeps what was sent, and removes it when told, twice without harm", async () => {
  await using place = await openPlace();
  const bytes = randomBytes(300_000);
  const file = await place.write(bytes, { ...LIMITS, gzip: false });
  assert.deepEqual(await Deno.readFile(file.path), new Uint8Array(bytes));
  assert.equal(file.sizeBytes, bytes.length);
  assert.equal(file.sha256, createHash("sha256").update(bytes).digest("hex"));
  await file.remove();
  await file.remove();
  assert.deepEqual(place.files(), []);
});

Deno.test("disk spool: unpacks gzip, also of several members, and hashes what was sent", async () => {
  await using place = await openPlace();
  const packed = Buffer.concat([gzipSync("a,b\n"), gzipSync("c,d\n")]);
  const file = await place.write(packed, { ...LIMITS, gzip: true });
  assert.equal(await Deno.readTextFile(file.path), "a,b\nc,d\n");
  assert.equal(file.sizeBytes, 8);
  assert.equal(file.sha256, createHash("sha256").update(packed).digest("hex"));
});

Deno.test("disk spool: makes files that only their owner can read", async () => {
  await using place = await openPlace();
  const file = await place.write(Buffer.from("x"), { ...LIMITS, gzip: false });
  const { mode } = await Deno.stat(file.path);
  assert.equal((mode ?? 0o777) & 0o777, 0o600);
});

const REFUSED: readonly [string, Uint8Array, boolean, string][] = [
  ["more than may be sent", randomBytes(1_048_577), false, "payload_too_large"],
  [
    "a bomb that unpacks to more than it may",
    gzipSync(Buffer.alloc(5_000_000)),
    true,
    "payload_too_large",
  ],
  ["what is no gzip at all", Buffer.from("open_time,open\n"), true, "validation_error"],
  [
    "a gzip file cut short",
    gzipSync(randomBytes(10_000)).subarray(0, 5_000),
    true,
    "validation_error",
  ],
];

for (const [what, bytes, gzip, code] of REFUSED) {
  Deno.test(`disk spool: refuses ${what} and leaves nothing behind`, async () => {
    await using place = await openPlace();
    await assert.rejects(place.write(bytes, { ...LIMITS, gzip }), { name: "Refusal", code });
    assert.deepEqual(place.files(), []);
  });
}

Deno.test("disk spool: stops reading a body as soon as it is too large", async () => {
  await using place = await openPlace();
  let chunks = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks++;
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  const refusal = place.spool.write(endless, { ...LIMITS, gzip: false });
  await assert.rejects(refusal, { code: "payload_too_large" });
  assert.ok(chunks < 100, `${chunks} chunks were read`);
});

Deno.test("disk spool: leaves nothing behind when the sender goes away or we stop", async () => {
  await using place = await openPlace();
  const gone = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    pull: (controller) => controller.error(new Error("connection reset")),
  });
  await assert.rejects(place.spool.write(gone, { ...LIMITS, gzip: false }), /connection reset/);
  const stop = new AbortController();
  const slow = new ReadableStream<Uint8Array>({ pull: () => stop.abort() });
  const writing = place.spool.write(slow, { ...LIMITS, gzip: false, signal: stop.signal });
  await assert.rejects(writing, { name: "AbortError" });
  assert.deepEqual(place.files(), []);
});

async function openPlace() {
  const directory = await Deno.makeTempDir();
  const spool = createDiskSpool(await openWorkspace({ directory: `${directory}/work` }));
  return {
    spool,
    write: (bytes: Uint8Array, options: SpoolOptions) =>
      spool.write(new Blob([new Uint8Array(bytes)]).stream(), options),
    files: () => [...Deno.readDirSync(`${directory}/work`)].map(({ name }) => name),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}
