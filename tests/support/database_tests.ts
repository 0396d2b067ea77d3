const IMPORT = /^(?:import|export|\}) .*?from "(\.{1,2}\/[^"]+|@\/tests\/[^"]+)"/gm;

const DATABASES = ["tests/support/database.ts", "tests/support/postgres_cluster.ts"];

/**
 * The test files that run on every database: those whose imports reach what opens one.
 * They are what a run with a PostgreSQL server adds.
 */
export async function databaseTests(root: string): Promise<string[]> {
  const importers = new Map<string, string[]>();
  for await (const path of filesBelow(`${root}/tests`)) {
    if (!path.endsWith(".ts")) continue;
    for (const [, target = ""] of (await Deno.readTextFile(path)).matchAll(IMPORT)) {
      const imported = target.startsWith("@/")
        ? `${root}/${target.slice(2)}`
        : resolve(path, target);
      importers.set(imported, [...importers.get(imported) ?? [], path]);
    }
  }
  const reached = new Set(DATABASES.map((path) => `${root}/${path}`));
  for (const path of reached) {
    for (const importer of importers.get(path) ?? []) reached.add(importer);
  }
  const tests = [...reached].filter((path) => path.endsWith("_test.ts"));
  return tests.map((path) => path.slice(root.length + 1)).sort();
}

function resolve(from: string, target: string): string {
  return new URL(target, `file://${from}`).pathname;
}

async function* filesBelow(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* filesBelow(`${directory}/${name}`);
    else yield `${directory}/${name}`;
  }
}

if (import.meta.main) {
  const found = await databaseTests(Deno.cwd());
  await Deno.stdout.write(new TextEncoder().encode(`${found.join("\n")}\n`));
}
