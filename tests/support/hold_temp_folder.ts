import { claimTempFolder } from "@/adapters/temp_folder.ts";

/** A program that claims a temporary folder below the path it is given, says where, and waits for its end. */
if (import.meta.main) {
  const { path } = await claimTempFolder(Deno.args[0] ?? "");
  await Deno.writeTextFile(`${path}/big.parquet`, "x");
  await Deno.stdout.write(new TextEncoder().encode(`${path}\n`));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
