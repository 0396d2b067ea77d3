import { equal, rejects } from "node:assert/strict";
import { chooseToken, openRunning } from "@/adapters/remote/open_running.ts";
import { systemClock as clock } from "@/adapters/clock.ts";
import { Refusal } from "@/domain/decider.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("chooseToken takes the file that the running installation names before our own setting", async () => {
  await withFolder(async (folder) => {
    const tokenFile = `${folder}/admin-token`;
    await Deno.writeTextFile(tokenFile, "its\n");
    equal(await chooseToken({ tokenFile }, undefined), "its");
    equal(await chooseToken({ tokenFile }, "ours"), "its");
    equal(await chooseToken({ tokenFile: null }, "ours"), "ours");
  });
});

Deno.test("chooseToken says what to set where there is no token, and makes no file", async () => {
  await withFolder(async (folder) => {
    for (
      const [tokenFile, sentence] of [
        [null, "Cannot call the running installation: set ADMIN_TOKEN to its token"],
        [
          `${folder}/gone`,
          `Cannot call the running installation: set ADMIN_TOKEN to the token in ${folder}/gone`,
        ],
      ] as const
    ) {
      await rejects(
        chooseToken({ tokenFile }, undefined),
        (error: unknown) =>
          error instanceof Refusal && error.code === "unauthenticated" &&
          error.message === sentence,
      );
    }
    equal((await Array.fromAsync(Deno.readDir(folder))).length, 0);
  });
});

Deno.test("openRunning refuses a process that has no API, such as another command", async () => {
  const holder = { pid: 7, address: null, tokenFile: null, startedAt: "" };
  for (const [told, known] of [["7", holder], ["unknown", undefined]] as const) {
    const opening = openRunning({
      ...{ path: "/data", lock: { held: false, holder: known }, adminToken: "t", clock },
      findOrphans: () => Promise.resolve([]),
    });
    await rejects(opening, new RegExp(`^Refusal: Cannot open /data: process ${told} works on it`));
  }
});
