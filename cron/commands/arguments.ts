import { parseArgs } from "node:util";
import { Refusal } from "@/domain/decider.ts";
import { parseSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { parseTime } from "@/domain/klines/time.ts";

export interface CommandSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly positionals: readonly Positional[];
  readonly options: Readonly<Record<string, Option>>;
}

export interface Positional {
  readonly name: string;
  readonly required: boolean;
  /** Takes all that follow; only the last one may. */
  readonly many?: boolean;
}

export interface Option {
  /** What stands after it, e.g. `<time>`; undefined for a switch. */
  readonly value?: string;
  readonly help: string;
}

export interface Arguments {
  /** All texts given for a positional, in order. */
  all(positional: string): readonly string[];
  /** The text of a positional or an option. */
  find(name: string): string | undefined;
  given(option: string): boolean;
}

/** Options that every command takes. */
export const COMMON_OPTIONS = {
  json: { help: "print one line of JSON instead of sentences" },
  help: { help: "show this" },
} as const satisfies Record<string, Option>;

/** Reads what was typed after the command's name; a Refusal says in one sentence what does not fit. */
export function parseArguments(spec: CommandSpec, args: readonly string[]): Arguments {
  const options: Record<string, Option> = { ...spec.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value }]) => [name, {
        type: value === undefined ? "boolean" as const : "string" as const,
      }]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const texts: string[] = [];
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional") texts.push(token.value);
    if (token.kind !== "option") continue;
    values.set(token.name, optionText(spec, options[token.name], token));
  }
  const positionals = values.has("help") ? new Map() : placePositionals(spec, texts);
  return {
    all: (name) => positionals.get(name) ?? [],
    find: (name) => positionals.get(name)?.[0] ?? values.get(name),
    given: (name) => values.has(name),
  };
}

/** The text of an option that must be given. */
export function requireText(spec: CommandSpec, args: Arguments, name: string): string {
  const text = args.find(name);
  if (text === undefined) throw refuse(spec, `option --${name} is missing`);
  return text;
}

/** Epoch ms of an option with a time; undefined when it is not given. */
export function findTime(spec: CommandSpec, args: Arguments, name: string): number | undefined {
  const text = args.find(name);
  if (text === undefined) return undefined;
  const time = parseTime(text);
  if (time === undefined) {
    throw refuse(spec, `--${name} "${text}" is not a time such as 2021-01-01 or 2021-01-01T12:00`);
  }
  return time;
}

/** The series that every command names first. */
export function requireSeries(args: Arguments): SeriesRef {
  return parseSeries(args.find("series") ?? "");
}

/** How a command is typed. */
export function usage(spec: CommandSpec): string {
  const words = spec.positionals.map(({ name, required, many }) => {
    const word = `<${name}>${many === true ? "…" : ""}`;
    return required ? word : `[${word}]`;
  });
  const options: [string, Option][] = Object.entries({ ...spec.options, ...COMMON_OPTIONS });
  const left = options.map(([name, { value }]) => `--${[name, value].filter(Boolean).join(" ")}`);
  const width = Math.max(...left.map((text) => text.length));
  return [
    `${spec.name} ${words.join(" ")}`.trim(),
    `  ${spec.summary}`,
    "",
    ...options.map(([, { help }], i) => `  ${(left[i] ?? "").padEnd(width)}  ${help}`),
  ].join("\n");
}

/** A Refusal that leads to the command's help. */
export function refuse({ name }: CommandSpec, reason: string): Refusal {
  return new Refusal("validation_error", `Cannot run ${name}: ${reason}. See "help ${name}".`);
}

/** What an option was given, `""` for a switch; refuses what it cannot take. */
function optionText(
  spec: CommandSpec,
  option: Option | undefined,
  token: { readonly rawName: string; readonly value?: string | undefined },
): string {
  const { rawName, value } = token;
  if (option === undefined) throw refuse(spec, `option ${rawName} is unknown`);
  if (option.value === undefined) {
    if (value !== undefined) throw refuse(spec, `option ${rawName} takes no value`);
    return "";
  }
  if (value === undefined || value === "" || value.startsWith("--")) {
    throw refuse(spec, `option ${rawName} needs ${option.value}`);
  }
  return value;
}

/** Gives each positional its words, in order. */
function placePositionals(
  spec: CommandSpec,
  texts: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const placed = new Map<string, readonly string[]>();
  let at = 0;
  for (const { name, required, many } of spec.positionals) {
    const taken = texts.slice(at, many === true ? undefined : at + 1);
    if (required && taken.length === 0) throw refuse(spec, `<${name}> is missing`);
    placed.set(name, taken);
    at += taken.length;
  }
  const extra = texts[at];
  if (extra !== undefined) throw refuse(spec, `"${extra}" is one word too many`);
  return placed;
}
