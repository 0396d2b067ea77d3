import type { Workspace } from "@/domain/ports/workspace.ts";

/** Opens the folder, which must be this process's own, and empties it. */
export async function openWorkspace({ directory }: { directory: string }): Promise<Workspace> {
  await Deno.remove(directory, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (extension: string) => `${directory}/${crypto.randomUUID()}.${extension}`;
  const remove = (file: string) => Deno.remove(file).catch(ignoreMissing);
  return {
    path,
    remove,
    async write(content) {
      const file = path("csv");
      const options = { createNew: true, mode: 0o600 };
      if (typeof content === "string") await Deno.writeTextFile(file, content, options);
      else await Deno.writeFile(file, ReadableStream.from(content), options);
      return { path: file, remove: () => remove(file) };
    },
  };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
