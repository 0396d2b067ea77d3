import { type AppendPeer, openEmmett } from "./emmett.ts";
import { median, type Result, result } from "./result.ts";

const WRITERS = [1, 8, 64] as const;
const ROUNDS = 3;
const MS_A_ROUND = 1_500;

/** Required ratio to Emmett with an inline projection. */
const GOAL = { 1: 1.5, 8: 2.5, 64: 5 } as const;

/** Resolves when the event is durable, or when a read model shows it. */
export type Append = AppendPeer["append"];

export interface AppendSubjects {
  readonly alone: Append;
  readonly visible: Append;
}

/** Appends at 1, 8 and 64 writers, alone and until visible, beside Emmett in the same rounds. */
export async function benchAppends(
  url: string,
  { postgres, pglite }: { postgres: AppendSubjects; pglite: AppendSubjects },
): Promise<Result[]> {
  const alone = await openEmmett(url, { inline: false });
  const inline = await openEmmett(url, { inline: true });
  try {
    const results: Result[] = [];
    for (const writers of WRITERS) {
      const rates = await rounds(writers, {
        ours: postgres.alone,
        visible: postgres.visible,
        alone: (id, n) => alone.append(id, n),
        inline: (id, n) => inline.append(id, n),
        pglite: pglite.alone,
        pgliteVisible: pglite.visible,
      });
      const line = (name: string, value: number, peer: number, peerName: string) =>
        result({
          name: `${name}, ${writers} writers`,
          unit: "/s",
          value,
          peer: { name: peerName, value: peer },
          goal: { ratioAtLeast: GOAL[writers] },
        });
      results.push(
        line("append, postgres", rates.ours, rates.inline, "emmett with inline projection"),
        line(
          "append until visible, postgres",
          rates.visible,
          rates.inline,
          "emmett with inline projection",
        ),
        {
          ...line("append, postgres", rates.ours, rates.alone, "emmett alone"),
          target: "-",
          met: null,
        },
        {
          ...line("append, pglite", rates.pglite, rates.inline, "emmett on postgres"),
          target: "-",
          met: null,
        },
        {
          ...line(
            "append until visible, pglite",
            rates.pgliteVisible,
            rates.inline,
            "emmett on postgres",
          ),
          target: "-",
          met: null,
        },
      );
    }
    return results;
  } finally {
    await alone.close();
    await inline.close();
  }
}

/** Subjects take turns in each round, so that noise hits all of them; medians over the rounds. */
async function rounds<K extends string>(
  writers: number,
  subjects: Readonly<Record<K, Append>>,
): Promise<Record<K, number>> {
  const names = Object.keys(subjects).filter((name): name is K => name in subjects);
  const measured = new Map<K, number[]>(names.map((name) => [name, []]));
  for (const name of names) await rate(subjects[name], writers, 300);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      measured.get(name)?.push(await rate(subjects[name], writers, MS_A_ROUND));
    }
  }
  const entries = [...measured].map(([name, rates]) => [name, median(rates)] as const);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

async function rate(append: Append, writers: number, forMs: number): Promise<number> {
  const start = performance.now();
  let count = 0;
  await Promise.all(Array.from({ length: writers }, async () => {
    for (; performance.now() - start < forMs; count++) await append(crypto.randomUUID(), count);
  }));
  return count / (performance.now() - start) * 1000;
}
