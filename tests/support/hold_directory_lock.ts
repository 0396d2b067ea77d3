import { lockDirectory } from "@/adapters/directory_lock.ts";

/** A program that takes the lock at the path it is given, says whether it has it, and waits for its end. */
if (import.meta.main) {
  const [path = ""] = Deno.args;
  const lock = await lockDirectory(path, { pid: Deno.pid, address: "http://x", tokenFile: null });
  await Deno.stdout.write(new TextEncoder().encode(`${lock.held}\n`));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
