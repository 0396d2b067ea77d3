/** Where the real market data lies: `SHARED_DATA`, else beside the project. */
export const SHARED_DATA = Deno.env.get("SHARED_DATA") ??
  new URL("../../../shared/data", import.meta.url).pathname;

function present(): boolean {
  try {
    return Deno.statSync(`${SHARED_DATA}/spot_1m`).isDirectory;
  } catch {
    return false;
  }
}

/** A test on real data; where the folder is missing it is skipped, and the summary says so. */
export function realDataTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} [real data]`, ignore: !present(), fn });
}

export async function gunzipped(path: string): Promise<string> {
  const file = await Deno.open(`${SHARED_DATA}/${path}`);
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
}
