import { equal, rejects } from "node:assert/strict";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { relativePath } from "@/adapters/blobs/names.ts";
import { openDiskLakeFolder } from "@/adapters/lake_folder/disk.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";

const PATH = "binance/BTC-USDT/1m/2020-03.parquet";

Deno.test("a lake file is copied out only while its bytes are those of the blob", async () => {
  const root = await Deno.makeTempDir();
  try {
    const blobsDirectory = `${root}/blobs`;
    const blobs = await openDiskBlobs({ directory: blobsDirectory });
    const folder = openDiskLakeFolder({ directory: `${root}/lake`, blobs, blobsDirectory });
    const { sha256 } = await blobs.put(new TextEncoder().encode("one"));
    const copied = (to: string) => folder.copyOut(PATH, sha256, `${root}/${to}`);
    equal(await copied("none"), false, "there is no such file");
    await folder.put(PATH, sha256);
    const blob = `${blobsDirectory}/${relativePath(sha256)}`;
    await Deno.remove(blob);
    equal(await copied("copy"), true);
    equal(await Deno.readTextFile(`${root}/copy`), "one");
    equal((await blobs.putFile(`${root}/copy`)).sha256, sha256);
    equal(await Deno.readTextFile(`${root}/lake/${PATH}`), "one");
    await rejects(folder.copyOut(PATH, sha256, `${root}/no/such/folder`), AdapterError);
    // A second name of the blob: one rots with the other.
    equal(await folder.put(PATH, sha256), "linked");
    await Deno.chmod(blob, 0o644);
    await Deno.writeTextFile(blob, "two");
    equal(await copied("rotten"), false);
    await rejects(Deno.stat(`${root}/rotten`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
