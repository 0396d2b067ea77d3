import { openDiskBlobs } from "@/adapters/blobs/disk.ts";

/** Started by a test and killed in the middle: puts blobs and says which it has acknowledged. */
const [directory = ""] = Deno.args;
const blobs = await openDiskBlobs({ directory });
const out = new TextEncoder();
for (let n = 0;; n++) {
  const bytes = crypto.getRandomValues(new Uint8Array(50_000 + n));
  const { sha256 } = await blobs.put(bytes);
  await Deno.stdout.write(out.encode(`${sha256}\n`));
}
