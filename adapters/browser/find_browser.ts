/** Where systems keep a Chromium or a Chrome. None holds a space: a permission could not name it. */
const USUAL_PATHS: readonly string[] = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/usr/local/bin/chromium",
  "/opt/google/chrome/chrome",
  "/opt/homebrew/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The first file there is: `path` alone where it is given, else on the usual paths. */
export async function findBrowser(
  path: string | undefined,
  usualPaths = USUAL_PATHS,
): Promise<string | undefined> {
  for (const candidate of path === undefined ? usualPaths : [path]) {
    if (await isFile(candidate)) return candidate;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    // What this process may not even look at it may not start.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}
