import { Refusal } from "@/domain/decider.ts";

export interface PermissionScope {
  /** The command that will run. */
  readonly command: string;
  /** Absolute. */
  readonly projectDir: string;
  /** Every absolute path that leads to it. */
  readonly dataDirs: readonly string[];
  /** Where Deno keeps the packages; the engines load their binaries from there. */
  readonly packageDir: string;
  /** Absolute; the one program that may be started. */
  readonly browser?: string | undefined;
}

/** Commands that read files anywhere, and those that write them anywhere. */
const READS_ANYWHERE: readonly string[] = ["import"];
const WRITES_ANYWHERE: readonly string[] = ["export"];

/** Commands that show pages. */
const USES_BROWSER: readonly string[] = ["serve", "job"];

/**
 * Garbage is collected early: young objects at 1 MB, old ones once the heap has grown by a tenth. Half of
 * the memory while crawling.
 */
export const MEMORY_FLAG = "--v8-flags=--max-semi-space-size=1,--heap-growing-percent=10";

/**
 * What `deno run` is told for a command: to keep memory small, and the permissions it needs, which are
 * the network, the environment, its data directory, and native code out of the package cache only. The
 * browser is the only program that is ever started, and only where something needs it.
 */
export function permissionFlags(scope: PermissionScope): string[] {
  const { command, projectDir, dataDirs, packageDir } = scope;
  const browser = USES_BROWSER.includes(command) && scope.browser ? [scope.browser] : [];
  for (const path of [projectDir, ...dataDirs, packageDir, ...browser]) requirePlain(path);
  const anywhere = WRITES_ANYWHERE.includes(command);
  const readsAnywhere = anywhere || READS_ANYWHERE.includes(command);
  return [
    MEMORY_FLAG,
    "--no-prompt",
    "--allow-net",
    "--allow-env",
    "--allow-sys",
    `--allow-ffi=${packageDir}`,
    readsAnywhere
      ? "--allow-read"
      : `--allow-read=${[projectDir, ...dataDirs, packageDir, ...browser].join(",")}`,
    anywhere ? "--allow-write" : `--allow-write=${dataDirs.join(",")}`,
    ...browser.map((path) => `--allow-run=${path}`),
  ];
}

/** Where Deno keeps its packages on this system. */
export function packageDirOf(
  os: typeof Deno.build.os,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const { DENO_DIR = "", HOME: home = "" } = env;
  if (DENO_DIR !== "") return DENO_DIR;
  switch (os) {
    case "windows":
      return `${env.LOCALAPPDATA ?? ""}\\deno`;
    case "darwin":
      return `${home}/Library/Caches/deno`;
    default:
      return `${env.XDG_CACHE_HOME ?? `${home}/.cache`}/deno`;
  }
}

/** The shell of `deno task` splits at spaces, and a flag's list at commas. */
function requirePlain(path: string): void {
  if (!/[\s,]/.test(path)) return;
  throw new Refusal(
    "validation_error",
    `Cannot name permissions for "${path}": it holds a space or a comma; choose another path`,
  );
}
