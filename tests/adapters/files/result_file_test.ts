import { deepEqual, equal, rejects } from "node:assert/strict";
import { openResultFile } from "@/adapters/files/result_file.ts";
import { Refusal } from "@/domain/decider.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

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
    const result = await openResultFile(target);
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
    const result = await openResultFile(`${directory}/out.parquet`);
    await result.write(bytes("half"));
    await result.addPart(bytes("part"));
    await result.discard();
    deepEqual(names(directory), []);
  });
});

Deno.test("a result of several parts is what join makes of them, in order", async () => {
  await inDirectory(async (directory) => {
    const result = await openResultFile(`${directory}/out.parquet`);
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
    const result = await openResultFile(`${directory}/out.parquet`);
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
        openResultFile(`${directory}/${name}`),
        (error: unknown) => error instanceof Refusal && reason.test(error.message),
      );
      deepEqual(names(directory), []);
    });
  });
}

Deno.test("a result that would replace a folder is refused", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/out.csv`);
    await rejects(openResultFile(`${directory}/out.csv`), /it is a folder/);
  });
});
