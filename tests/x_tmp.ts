import { z } from "zod";
import { databases } from "./support/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
for (const t of databases().slice(1)) {
  console.log(t.name);
  const o = await t.open();
  await Promise.all([migrate(o.database), migrate(await o.again()), migrate(o.database)]);
  let calls = 0; const database = { ...o.database, query: (q: string, p?: any) => { if (q.includes('from append')) calls++; return o.database.query(q, p); } };
  const store = await createSqlStore({ database, catalog: { A: z.object({ id: z.string(), n: z.number() }) } });
  const meta = () => ({ actor: "t", commandId: crypto.randomUUID() });
  for (const w of [1, 8, 64]) {
    const t = performance.now(); let n = 0;
    await Promise.all(Array.from({ length: w }, async () => { for (; performance.now() - t < 800; n++) { const id = crypto.randomUUID(); await store.append([{ stream: "bench-" + id, expected: "none", events: [{ type: "A", data: { id, n } }] }], meta()); } }));
    console.log(w, Math.round(n / (performance.now() - t) * 1000), "appends/s", n / calls, "a call"); calls = 0;
  }
  for (let r = 0; r < 0; r++) { let t = performance.now(), n = 0, after = 0; for (;;) { const p = await store.readAll({ after, limit: 1000 }); if (!p.length) break; n += p.length; after = p.at(-1)!.position; } console.log("read", Math.round(n / (performance.now() - t) * 1000), "events/s", n);}
  await store.close(); await o.close();
}
