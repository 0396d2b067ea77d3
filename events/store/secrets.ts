import { trusted } from "../trust.ts";
import type { Database } from "./database.ts";

const SECRET_BYTES = 32;

/** A random value of 32 bytes that is made at first use and stays the same for every process. */
export async function readSecret(
  database: Database,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = await find(database, name);
  if (found !== undefined) return found;
  const value = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  await database.query(
    "insert into secret (name, value) values ($1, $2) on conflict do nothing",
    [name, value],
  );
  return await find(database, name) ?? value;
}

async function find(
  database: Database,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [row] = await database.query("select value from secret where name = $1", [name]);
  return trusted<{ value: Uint8Array<ArrayBuffer> } | undefined>(row)?.value;
}
