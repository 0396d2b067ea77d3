import type { Recorded } from "../define.ts";
import { trusted } from "../trust.ts";
import type { Database, SqlRow } from "./database.ts";
import { expectedVersion, type Prepared, recordedOf } from "./prepare.ts";
import { VersionConflict } from "./store.ts";

/** Its events as recorded, or why not; `duplicate` when the command is in the log already. */
export type GroupOutcome = readonly Recorded[] | "duplicate" | VersionConflict;

interface WriteOutcome {
  readonly status: "ok" | "duplicate" | "conflict";
  readonly version: number;
  readonly pos: number | null;
  readonly at: Date;
}

const APPEND = `select status, version, pos, at from append(
  $1, $2::int[], $3::text[], $4::bigint[],
  $5::int[], $6::uuid[], $7::text[], $8::smallint[], $9::jsonb[], $10::jsonb[])`;

/** One call for a group of commands that share no stream and no id. */
export async function appendGroup(
  { database, sender }: { readonly database: Database; readonly sender: string },
  group: readonly Prepared[],
): Promise<GroupOutcome[]> {
  const first: number[] = [];
  const writes = group.flatMap((command, cmd) => command.writes.map((w) => ({ ...w, cmd })));
  group.reduce((sum, command) => (first.push(sum), sum + command.writes.length), 0);
  const events = group.flatMap((command, cmd) =>
    command.events.map((event) => ({
      ...event,
      metaJson: command.metaJson,
      write: (first[cmd] ?? 0) + event.write + 1,
    }))
  );
  const rows = await database.query(APPEND, [
    sender,
    writes.map(({ cmd }) => cmd),
    writes.map(({ stream }) => stream),
    writes.map(({ expected }) => expectedVersion(expected) ?? null),
    events.map(({ write }) => write),
    events.map(({ id }) => id),
    events.map(({ type }) => type),
    events.map(({ schema }) => schema),
    events.map(({ json }) => json),
    events.map(({ metaJson }) => metaJson),
  ]);
  return group.map((command, cmd) => outcomeOf(command, rows.slice(first[cmd], first[cmd + 1])));
}

function outcomeOf(command: Prepared, rows: readonly SqlRow[]): GroupOutcome {
  const outcomes = trusted<readonly WriteOutcome[]>(rows);
  if (outcomes[0]?.status === "duplicate") return "duplicate";
  if (outcomes[0]?.status === "conflict") return conflictOf(command, outcomes);
  return command.writes.flatMap(({ stream, count }, write) => {
    const outcome = outcomes[write];
    if (outcome === undefined) throw new Error("append() did not answer for each write");
    const events = command.events.filter((event) => event.write === write);
    // They are contiguous and end at the answered version and position.
    return events.map((event, i) =>
      recordedOf(event, {
        stream,
        meta: command.meta,
        version: outcome.version - count + 1 + i,
        position: (outcome.pos ?? 0) - count + 1 + i,
        at: outcome.at,
      })
    );
  });
}

function conflictOf(command: Prepared, outcomes: readonly WriteOutcome[]): VersionConflict {
  for (const [i, { stream, expected }] of command.writes.entries()) {
    const [wanted, actual] = [expectedVersion(expected), outcomes[i]?.version ?? 0];
    if (wanted !== undefined && wanted !== actual) {
      return new VersionConflict(stream, expected, actual);
    }
  }
  throw new Error("append() answered conflict for a command whose streams have not moved");
}
