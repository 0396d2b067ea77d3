import { stripVTControlCharacters } from "node:util";
import type { Log, LogFields } from "@/domain/ports/log.ts";
import { redact } from "./redact.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
  readonly clock: { now(): number };
  /** `json` for machines, `text` for people. */
  readonly format: "json" | "text";
}

/** Structured log, one line an entry. What looks like a secret never gets out. */
export function createLog({ level, write, clock, format }: LogOptions): Log {
  const least = LOG_LEVELS.indexOf(level);
  const render = format === "json" ? jsonLine : textLine;

  function at(entryLevel: LogLevel): (message: string, fields?: LogFields) => void {
    if (LOG_LEVELS.indexOf(entryLevel) < least) return () => {};
    return (message, fields = {}) => {
      const entry = { at: new Date(clock.now()).toISOString(), level: entryLevel };
      write(render({ ...entry, message: String(redact(message)) }, redactFields(fields)));
    };
  }
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

interface Entry {
  readonly at: string;
  readonly level: LogLevel;
  readonly message: string;
}

function jsonLine(entry: Entry, fields: Record<string, unknown>): string {
  return JSON.stringify({ ...entry, ...fields, ...entry, fields: clashing(entry, fields) });
}

/** Fields named like a part of the entry are kept apart. */
function clashing(entry: Entry, fields: Record<string, unknown>): LogFields | undefined {
  const names = Object.keys(fields).filter((name) => name in entry);
  return names.length === 0 ? undefined : Object.fromEntries(names.map((n) => [n, fields[n]]));
}

function textLine({ at, level, message }: Entry, fields: Record<string, unknown>): string {
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${text(value)}`);
  return [at.slice(11, 19), level.toUpperCase().padEnd(5), oneLine(message), ...rest].join(" ");
}

function oneLine(message: string): string {
  return stripVTControlCharacters(message).replaceAll(/[\r\n]+/g, " ");
}

function text(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function redactFields(fields: LogFields): Record<string, unknown> {
  const plain = redact(fields);
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}
