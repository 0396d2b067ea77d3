import { deepEqual, equal, rejects } from "node:assert/strict";
import { openResultFile } from "@/adapters/files/result_file.ts";
import { Refusal } from "@/domain/decider.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const FREE = { replace: false } as const;

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("a result appears under its name only when it is finished", async () => {
  await inDirectory(async (directory) => {
    const target = `${directory}/out.csv`;
    await Deno.writeTextFile(target, "old");
    const result = await openResultFile(target, { replace: true });
    await result.write(bytes("new "));
    await result.write(bytes("rows"));
    equal(await Deno.readTextFile(target), "old");
    equal(await result.finish(), 8);
    await result.discard();
    equal(await Deno.readTextFile(target), "new rows");
    deepEqual(names(directory), ["out.csv"]);
  });
});

Deno.test("a result that is discarded leaves the folder as it was", async () => {
  await inDirectory(async (directory) => {
    const result = await openResultFile(`${directory}/out.parquet`, FREE);
    await result.write(bytes("half"));
    await result.addPart(bytes("part"));
    await result.discard();
    deepEqual(names(directory), []);
  });
});

Deno.test("a result of several parts is what join makes of them, in order", async () => {
  await inDirectory(async (directory) => {
    const result = await openResultFile(`${directory}/out.parquet`, FREE);
    for (const part of ["a", "b", "c"]) await result.addPart(bytes(part));
    await result.joinParts(async (paths, target) => {
      const parts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
      await Deno.writeTextFile(target, parts.join("+"));
    });
    equal(await result.finish(), 5);
    await result.discard();
    equal(await Deno.readTextFile(`${directory}/out.parquet`), "a+b+c");
    deepEqual(names(directory), ["out.parquet"]);
  });
});

Deno.test("a result of one part is that part, without a join", async () => {
  await inDirectory(async (directory) => {
    const result = await openResultFile(`${directory}/out.parquet`, FREE);
    await result.addPart(bytes("only"));
    await result.joinParts(() => Promise.reject(new Error("not needed")));
    await result.finish();
    await result.discard();
    equal(await Deno.readTextFile(`${directory}/out.parquet`), "only");
  });
});

for (
  const [name, reason] of [["missing/out.csv", /no folder/], ["", /names no file/]] as const
) {
  Deno.test(`a result "${name}" is refused before any work`, async () => {
    await inDirectory(async (directory) => {
      await rejects(
        openResultFile(`${directory}/${name}`, FREE),
        (error: unknown) => error instanceof Refusal && reason.test(error.message),
      );
      deepEqual(names(directory), []);
    });
  });
}

Deno.test("a result that would replace a folder is refused", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/out.csv`);
    await rejects(openResultFile(`${directory}/out.csv`, { replace: true }), /it is a folder/);
  });
});

Deno.test("a result never takes the name of a file that is there, nor of one that comes meanwhile", async () => {
  await inDirectory(async (directory) => {
    const target = `${directory}/out.csv`;
    const refusal = {
      code: "conflict",
      message: `Cannot write ${target}: there is such a file; --force replaces it`,
    };
    const result = await openResultFile(target, FREE);
    await result.write(bytes("new"));
    await Deno.writeTextFile(target, "theirs");
    await rejects(result.finish(), refusal);
    await result.discard();
    await rejects(openResultFile(target, FREE), refusal);
    equal(await Deno.readTextFile(target), "theirs");
    deepEqual(names(directory), ["out.csv"]);
    await Deno.remove(target);
    await Deno.symlink(`${directory}/nowhere`, target);
    await rejects(openResultFile(target, FREE), refusal);
  });
});
