import { deepEqual, equal, throws } from "node:assert/strict";
import { packageDirOf, permissionFlags } from "@/adapters/process/permission_flags.ts";

const scope = { projectDir: "/app", dataDirs: ["/var/candles"], packageDir: "/cache/deno" };

Deno.test("serve may write its data directory and nothing else, and starts no process", () => {
  const flags = permissionFlags({ ...scope, command: "serve" });
  deepEqual(flags.filter((flag) => /read|write|ffi|run|all$/.test(flag)), [
    "--allow-ffi=/cache/deno",
    "--allow-read=/app,/var/candles,/cache/deno",
    "--allow-write=/var/candles",
  ]);
});

Deno.test("serve and job may start the browser that pages need, and nothing else", () => {
  const browser = "/usr/bin/chromium";
  for (const command of ["serve", "job"]) {
    const flags = permissionFlags({ ...scope, command, browser });
    deepEqual(flags.filter((flag) => /read=|run|all$/.test(flag)), [
      "--allow-read=/app,/var/candles,/cache/deno,/usr/bin/chromium",
      "--allow-run=/usr/bin/chromium",
    ]);
  }
  for (const command of ["crawl", "import", "export", "archive"]) {
    equal(permissionFlags({ ...scope, command, browser }).some((flag) => /run/.test(flag)), false);
  }
  throws(
    () => permissionFlags({ ...scope, command: "serve", browser: "/my browsers/chrome,x" }),
    /space or a comma/,
  );
});

Deno.test("import may read files anywhere and write its data directory only", () => {
  const flags = permissionFlags({ ...scope, command: "import" });
  equal(flags.includes("--allow-read"), true);
  equal(flags.includes("--allow-write=/var/candles"), true);
});

Deno.test("export may write files anywhere", () => {
  const flags = permissionFlags({ ...scope, command: "export" });
  equal(flags.includes("--allow-write"), true);
});

for (const dataDir of ["/my data", "/a,/etc", "data\n--allow-all"]) {
  Deno.test(`a data directory ${JSON.stringify(dataDir)} is refused: it would become other flags`, () => {
    throws(
      () => permissionFlags({ ...scope, dataDirs: [dataDir], command: "serve" }),
      /space or a comma/,
    );
  });
}

for (
  const [os, env, dir] of [
    ["linux", { HOME: "/home/a" }, "/home/a/.cache/deno"],
    ["linux", { HOME: "/home/a", XDG_CACHE_HOME: "/x" }, "/x/deno"],
    ["linux", { HOME: "/home/a", DENO_DIR: "/d" }, "/d"],
    ["darwin", { HOME: "/Users/a" }, "/Users/a/Library/Caches/deno"],
    ["windows", { LOCALAPPDATA: "C:\\L" }, "C:\\L\\deno"],
  ] as const
) {
  Deno.test(`packages lie in ${dir} on ${os} with ${Object.keys(env).join(", ")}`, () => {
    equal(packageDirOf(os, env), dir);
  });
}
