import assert from "node:assert/strict";
import { findOrphans } from "@/cron/find_orphans.ts";
import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";

const NOW = new Date("2024-05-10T12:00:00Z");

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function* names(...all: string[]): AsyncGenerator<string> {
  for (const name of all) yield await Promise.resolve(name);
}

/** Blobs put that many hours before NOW. */
async function blobsPut(...hoursAgo: number[]) {
  let putAt = NOW;
  const blobs = openMemoryBlobs({ now: () => putAt });
  const refs: string[] = [];
  for (const hours of hoursAgo) {
    putAt = new Date(NOW.getTime() - hours * 3_600_000);
    refs.push((await blobs.put(bytes(`put ${hours} h ago`))).sha256);
  }
  return { blobs, refs };
}

Deno.test("findOrphans finds old blobs that no event names, oldest first", async () => {
  const { blobs, refs: [a = "", b = "", c = ""] } = await blobsPut(30, 100, 50);
  const orphans = await findOrphans({ blobs, referenced: names(c), now: NOW });
  assert.deepEqual(orphans.map(({ sha256 }) => sha256), [b, a]);
});

Deno.test("findOrphans leaves blobs of the last 24 hours alone", async () => {
  const { blobs, refs: [, old = ""] } = await blobsPut(24, 24.01, 1, 0);
  const orphans = await findOrphans({ blobs, referenced: names(), now: NOW });
  assert.deepEqual(orphans.map(({ sha256 }) => sha256), [old]);
});

Deno.test("findOrphans takes another age when given one", async () => {
  const { blobs } = await blobsPut(2, 1);
  const orphans = await findOrphans({ blobs, referenced: names(), now: NOW, olderThanMs: 0 });
  assert.equal(orphans.length, 2);
});

Deno.test("findOrphans finds nothing when every blob is named, some twice, and others are missing", async () => {
  const { blobs, refs: [a = "", b = ""] } = await blobsPut(30, 40);
  const referenced = names(a, b, a, "0".repeat(64));
  assert.deepEqual(await findOrphans({ blobs, referenced, now: NOW }), []);
});

Deno.test("findOrphans spares a blob that is named while the search runs", async () => {
  const { blobs, refs: [a = ""] } = await blobsPut(30);
  let listedAll = false;
  const watched = {
    async *list() {
      yield* blobs.list();
      listedAll = true;
    },
  };
  async function* referenced(): AsyncGenerator<string> {
    assert.ok(listedAll, "events are read after the blobs are listed");
    yield await Promise.resolve(a);
  }
  assert.deepEqual(await findOrphans({ blobs: watched, referenced: referenced(), now: NOW }), []);
});
