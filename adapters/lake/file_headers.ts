import type { Session } from "./engine.ts";
import { type FileHeader, fileHeader } from "./period_file.ts";

const MAX_KNOWN = 4_096;

/** What files declare, remembered while a file stays the same: reads of many files ask for each. */
export class FileHeaders {
  readonly #known = new Map<string, FileHeader>();

  async of(session: Session, path: string): Promise<FileHeader> {
    const { mtime, size } = await Deno.stat(path);
    const key = `${path}|${mtime?.getTime()}|${size}`;
    const known = this.#known.get(key) ?? await fileHeader(session, path);
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > MAX_KNOWN) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    return known;
  }
}
