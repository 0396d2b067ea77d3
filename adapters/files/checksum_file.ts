import { sha256OfFile } from "@/adapters/blobs/hashing.ts";
import { Refusal } from "@/domain/decider.ts";

export const CHECKSUM_SUFFIX = ".CHECKSUM";

/** As `sha256sum` writes it, and Binance beside each of its zips: `<sha256>  <file name>`. */
export function checksumText(sha256: string, fileName: string): string {
  return `${sha256}  ${fileName}\n`;
}

/** Whether a file is what the `.CHECKSUM` beside it says; undefined without one that can be read. */
export async function matchesChecksum(path: string): Promise<boolean | undefined> {
  const named = await readChecksum(path);
  return named === undefined ? undefined : (await sha256OfFile(path)).sha256 === named;
}

/** Refusal `validation_error` for a file that is not what the `.CHECKSUM` beside it says. */
export async function requireChecksum(path: string): Promise<void> {
  const matches = await matchesChecksum(path);
  if (matches === true || (matches === undefined && !await exists(`${path}${CHECKSUM_SUFFIX}`))) {
    return;
  }
  const why = matches === undefined
    ? `${nameOf(path)}${CHECKSUM_SUFFIX} holds no SHA-256`
    : `it is not the file that ${nameOf(path)}${CHECKSUM_SUFFIX} tells of`;
  throw new Refusal(
    "validation_error",
    `Cannot read ${path}: ${why}; fetch both again, nothing was imported`,
  );
}

async function readChecksum(path: string): Promise<string | undefined> {
  try {
    const text = await Deno.readTextFile(`${path}${CHECKSUM_SUFFIX}`);
    return /^([0-9a-f]{64})(?:\s|$)/i.exec(text.trim())?.[1]?.toLowerCase();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
