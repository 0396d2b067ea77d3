import type { Clock } from "@/domain/ports/clock.ts";
import type { Installation, Work } from "@/domain/ports/installation.ts";
import type { JoinParts, LocalFiles } from "@/domain/ports/local_files.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";

/** What a person starts by hand. It ends by itself, and a rerun goes on where it stopped. */
export interface Command {
  readonly spec: CommandSpec;
  run(args: Arguments, context: CommandContext): Promise<CommandResult>;
}

export interface CommandContext extends Work {
  readonly files: LocalFiles;
  readonly clock: Pick<Clock, "now">;
  /** How long the event loop was held up so far, 99th percentile. */
  readonly stallP99Ms: () => number;
  /** Opened after the arguments have proved right; who runs the command closes it. */
  open(options?: OpenOptions): Promise<Installation>;
  /** Joins Parquet files, ascending, into one. */
  readonly joinParquet: JoinParts;
}

export interface OpenOptions {
  /** Makes an installation where there is none, instead of a Refusal `not_found`. */
  readonly create?: boolean;
  /** Directories outside the installation that must be readable. */
  readonly readable?: readonly string[];
}

export interface CommandResult {
  /** For people; one sentence a line. */
  readonly lines: readonly string[];
  /** For programs: snake_case names. */
  readonly facts: Readonly<Record<string, unknown>>;
}
