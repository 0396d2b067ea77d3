import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";
import { testBlobs } from "../../contract/blobs.ts";

testBlobs({
  name: "memory",
  async open() {
    const directory = await Deno.makeTempDir();
    return {
      blobs: openMemoryBlobs(),
      directory,
      close: () => Deno.remove(directory, { recursive: true }),
    };
  },
});
