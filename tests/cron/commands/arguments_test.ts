import { deepEqual, equal, match, throws } from "node:assert/strict";
import fc from "fast-check";
import { type CommandSpec, findTime, parseArguments, usage } from "@/cron/commands/arguments.ts";
import { Refusal } from "@/domain/decider.ts";

const spec: CommandSpec = {
  name: "take",
  summary: "take things in",
  positionals: [{ name: "series", required: true }, { name: "file", required: true, many: true }],
  options: { since: { value: "<time>", help: "from then on" }, all: { help: "everything" } },
};

Deno.test("parseArguments gives positionals, options and switches by name, in any order", () => {
  const args = parseArguments(spec, [
    "--all",
    "s",
    "a.csv",
    "--since",
    "2021-01-01",
    "b.csv",
    "--json",
  ]);
  equal(args.find("series"), "s");
  deepEqual(args.all("file"), ["a.csv", "b.csv"]);
  equal(args.find("since"), "2021-01-01");
  deepEqual(["all", "json", "help"].map(args.given), [true, true, false]);
});

Deno.test("parseArguments takes --name=value and everything after -- as it stands", () => {
  const args = parseArguments(spec, ["--since=2021", "s", "--", "--odd.csv"]);
  equal(args.find("since"), "2021");
  deepEqual(args.all("file"), ["--odd.csv"]);
});

for (
  const [args, sentence] of [
    [[], 'Cannot run take: <series> is missing. See "help take".'],
    [["s"], 'Cannot run take: <file> is missing. See "help take".'],
    [["s", "f", "--fast"], 'Cannot run take: option --fast is unknown. See "help take".'],
    [["s", "f", "-x"], 'Cannot run take: option -x is unknown. See "help take".'],
    [["s", "f", "--since"], 'Cannot run take: option --since needs <time>. See "help take".'],
    [
      ["s", "f", "--since", "--all"],
      'Cannot run take: option --since needs <time>. See "help take".',
    ],
    [["s", "f", "--since="], 'Cannot run take: option --since needs <time>. See "help take".'],
    [["s", "f", "--all=1"], 'Cannot run take: option --all takes no value. See "help take".'],
  ] as const
) {
  Deno.test(`parseArguments refuses "${args.join(" ")}" with one sentence`, () => {
    throws(() => parseArguments(spec, args), (error: unknown) => {
      equal(error instanceof Refusal && error.message, sentence);
      return true;
    });
  });
}

Deno.test("parseArguments refuses a word too many", () => {
  const one = { ...spec, positionals: [{ name: "series", required: true }] };
  throws(() => parseArguments(one, ["s", "t"]), /"t" is one word too many/);
});

Deno.test("parseArguments asks for nothing else when help is wanted", () => {
  equal(parseArguments(spec, ["--help"]).given("help"), true);
});

Deno.test("parseArguments either answers or refuses, whatever is typed (property)", () => {
  fc.assert(fc.property(fc.array(fc.string()), (args) => {
    try {
      equal(parseArguments(spec, args).all("file").length > 0 || args.includes("--help"), true);
    } catch (error) {
      equal(error instanceof Refusal, true);
    }
  }));
});

Deno.test("findTime reads a date and refuses what is none", () => {
  const at = (text: string) =>
    findTime(spec, parseArguments(spec, ["s", "f", "--since", text]), "since");
  equal(at("2021-01-01"), Date.UTC(2021, 0, 1));
  equal(at("1609459200000"), Date.UTC(2021, 0, 1));
  throws(() => at("soon"), /--since "soon" is not a time such as 2021-01-01/);
  equal(findTime(spec, parseArguments(spec, ["s", "f"]), "since"), undefined);
});

Deno.test("usage shows the words and every option with what it does", () => {
  const text = usage(spec);
  match(text, /^take <series> <file>…\n {2}take things in\n/);
  match(text, /\n {2}--since <time> {2}from then on\n/);
  match(text, /--json .*\n.*--help/);
});
