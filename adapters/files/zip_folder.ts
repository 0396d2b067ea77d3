import { sweepOld } from "../sweep_old.ts";
import { createHash } from "node:crypto";
import { Refusal } from "@/domain/decider.ts";
import type { ZipFolder } from "@/domain/ports/zip_folder.ts";
import { CHECKSUM_SUFFIX, checksumText, matchesChecksum } from "./checksum_file.ts";
import { openResultFile, told } from "./result_file.ts";
import { readZipContent } from "./zip_content.ts";
import { createZipWriter } from "./zip_writer.ts";

/** A killed export of this age has left what lies about; a younger one may still run. */
const STALE_MS = 3_600_000;

/** Zips below a directory, which is made when it is missing. */
export function openZipFolder(directory: string): ZipFolder {
  return {
    async inspect(path) {
      const whole = await matchesChecksum(`${directory}/${path}`).catch((error: unknown) =>
        missingIsNot(error, directory)
      );
      return whole === true ? await readZipContent(`${directory}/${path}`) : undefined;
    },
    async create(path) {
      const target = `${directory}/${path}`;
      const [folder, name] = splitPath(target);
      await told(target, async () => {
        await Deno.mkdir(folder, { recursive: true });
        // The work of an export of the same file that was killed.
        await sweepOld(folder, {
          before: Date.now() - STALE_MS,
          matches: (entry) => entry.isDirectory && entry.name.startsWith(`.${name}.`),
        });
      });
      const result = await openResultFile(target, { replace: true });
      const hash = createHash("sha256");
      const zip = createZipWriter(name.replace(/\.zip$/, ".csv"), async (bytes) => {
        hash.update(bytes);
        await result.write(bytes);
      });
      return {
        write: zip.write,
        async finish() {
          await zip.end();
          const size = await result.finish();
          // Until this is there, or while an old one lies there, the zip counts as unfinished.
          await replaceText(`${target}${CHECKSUM_SUFFIX}`, checksumText(hash.digest("hex"), name));
          return size;
        },
        discard: result.discard,
      };
    },
  };
}

/** Not forced to the disk: a power cut costs at most that the zip is made again. */
async function replaceText(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await told(path, async () => {
      await Deno.writeTextFile(temporary, text);
      await Deno.rename(temporary, path);
    });
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

function splitPath(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash), path.slice(slash + 1)];
}

function missingIsNot(error: unknown, directory: string): false {
  if (error instanceof Deno.errors.NotADirectory) {
    throw new Refusal("validation_error", `Cannot write into ${directory}: it is not a folder`);
  }
  if (error instanceof Deno.errors.NotFound) return false;
  throw error;
}
