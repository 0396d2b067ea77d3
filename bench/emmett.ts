import { SQL } from "@event-driven-io/dumbo";
import {
  getPostgreSQLEventStore,
  postgreSQLRawSQLProjection,
} from "@event-driven-io/emmett-postgresql";

type Counted = { type: "Counted"; data: { id: string; n: number } };

export interface AppendPeer {
  append(id: string, n: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Emmett on the same server, alone or with a projection inside the appending transaction. */
export async function openEmmett(
  url: string,
  { inline }: { inline: boolean },
): Promise<AppendPeer> {
  const projection = postgreSQLRawSQLProjection<Counted>({
    name: "counted",
    canHandle: ["Counted"],
    init: () => SQL`create table if not exists emmett_counted(id text primary key, n int not null)`,
    evolve: ({ data }) =>
      SQL`insert into emmett_counted(id, n) values (${data.id}, 1)
          on conflict (id) do update set n = emmett_counted.n + 1`,
  });
  const store = getPostgreSQLEventStore(url, {
    projections: inline ? [{ type: "inline", projection }] : [],
  });
  await store.schema.migrate();
  return {
    append: (id, n) => store.appendToStream(`bench-${id}`, [{ type: "Counted", data: { id, n } }]),
    close: () => store.close(),
  };
}
