import type { Database } from "@/events/store/database.ts";
import { median, timed } from "./result.ts";

/** Median ms of PostgreSQL's own `group by date_bin` over the minutes of 2020. */
export async function sqlYear(database: Database, shared: string): Promise<number> {
  const file = await Deno.open(`${shared}/spot_1m/BTCUSDT-1m-2020.csv.gz`);
  const text = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip")))
    .text();
  const rows = text.trim().split("\n").slice(1).map((line) => line.split(","));
  await database.script(
    `create table minutes (open_time bigint primary key, open numeric, high numeric, low numeric,
     close numeric, volume numeric)`,
  );
  for (let at = 0; at < rows.length; at += 20_000) {
    const chunk = rows.slice(at, at + 20_000);
    await database.query(
      `insert into minutes select * from unnest($1::bigint[], $2::numeric[], $3::numeric[],
       $4::numeric[], $5::numeric[], $6::numeric[])`,
      [0, 1, 2, 3, 4, 5].map((i) => chunk.map((row) => row[i] ?? null)),
    );
  }
  await database.script("vacuum analyze minutes");
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    times.push(
      await timed(() =>
        database.query(
          `select date_bin('1 hour', to_timestamp(open_time / 1000), 'epoch') as hour,
           (array_agg(open order by open_time))[1] as open, max(high) as high, min(low) as low,
           (array_agg(close order by open_time desc))[1] as close, sum(volume) as volume
         from minutes group by 1 order by 1`,
        )
      ),
    );
  }
  await database.close();
  return median(times);
}
