import { Refusal } from "@/domain/decider.ts";
import { type CommandSpec, usage } from "./arguments.ts";

const NAME_WIDTH = 9;

/** All commands, or how to type the one that is named. */
export function help(specs: readonly CommandSpec[], name: string | undefined): string {
  if (name === undefined) return overview(specs);
  const spec = specs.find((one) => one.name === name);
  if (spec === undefined) throw unknownCommand(specs, name);
  return usage(spec);
}

export function unknownCommand(specs: readonly CommandSpec[], name: string): Refusal {
  const known = specs.map((one) => one.name).join(", ");
  return new Refusal("validation_error", `Cannot run "${name}": the commands are ${known}.`);
}

function overview(specs: readonly CommandSpec[]): string {
  return [
    "Chandlery keeps candles.",
    "",
    ...specs.map(({ name, summary }) => `  ${name.padEnd(NAME_WIDTH)} ${summary}`),
    "",
    'A series is written exchange:SYMBOL:interval, e.g. binance:BTC/USDT:1m. See "help <command>".',
  ].join("\n");
}
