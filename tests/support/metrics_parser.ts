/** What a scraper made of a page of metrics. */
export interface ParsedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) (.*)$`, "s");
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`, "s");
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const PARTS = ["_bucket", "_sum", "_count"];

/**
 * Reads Prometheus' text format 0.0.4 as strictly as its own scraper and linter, and throws with the
 * line that is wrong: a family is announced once, its samples stand together and none comes twice.
 */
export function parseMetrics(text: string): readonly ParsedFamily[] {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families: { name: string; help: string; type: string; samples: ParsedSample[] }[] = [];
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const [, helped, helpText = ""] = HELP.exec(line) ?? [];
    if (helped !== undefined) {
      help = { name: helped, text: unescapeHelp(helpText) };
      continue;
    }
    const [, name, type = ""] = TYPE.exec(line) ?? [];
    if (name !== undefined) {
      if (help?.name !== name) throw wrong("no HELP before this TYPE");
      if (families.some((one) => one.name === name)) throw wrong("announced twice");
      families.push({ name, help: help.text, type, samples: [] });
      continue;
    }
    const family = families.at(-1);
    const sample = parseSample(line);
    if (sample === undefined) throw wrong("not understood");
    if (family === undefined || !belongs(sample.name, family)) throw wrong("of another family");
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
    if (seen.has(key)) throw wrong("comes twice");
    seen.add(key);
    family.samples.push(sample);
  }
  for (const family of families) checkFamily(family);
  return families;
}

function belongs(name: string, family: { name: string; type: string }): boolean {
  if (family.type !== "histogram") return name === family.name;
  return PARTS.some((part) => name === `${family.name}${part}`);
}

function parseSample(line: string): ParsedSample | undefined {
  const [, name, labels = "", value = ""] = SAMPLE.exec(line) ?? [];
  if (name === undefined) return undefined;
  const parsed = parseLabels(labels);
  const number = VALUES[value] ?? (/^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(value) ? Number(value) : NaN);
  if (parsed === undefined || (Number.isNaN(number) && value !== "NaN")) return undefined;
  return { name, labels: parsed, value: number };
}

const VALUES: Readonly<Record<string, number>> = {
  ...{ "+Inf": Infinity, "-Inf": -Infinity, NaN: NaN },
};

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const [whole, name, value = "", comma] = LABEL.exec(rest) ?? [];
    if (whole === undefined || name === undefined || name in labels) return undefined;
    labels[name] = value.replaceAll(/\\(.)/g, (_, sign) => sign === "n" ? "\n" : sign);
    rest = rest.slice(whole.length);
    if (comma === "," && rest === "") return undefined;
  }
  return labels;
}

function unescapeHelp(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, sign) => sign === "n" ? "\n" : sign);
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  if (type === "counter") {
    if (!name.endsWith("_total")) throw new Error(`${name}: a counter ends with _total`);
    if (samples.some(({ value }) => !(value >= 0))) throw new Error(`${name}: negative`);
  }
  if (type !== "histogram") return;
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, group] of groups) {
    const of = (part: string) => group.filter((one) => one.name === `${name}${part}`);
    const buckets = of("_bucket").map(({ labels, value }) => ({
      ...{ most: VALUES[labels.le ?? ""] ?? Number(labels.le), value },
    }));
    const [count, sum] = [of("_count"), of("_sum")];
    const rises = buckets.every(({ most, value }, i) => {
      const before = buckets[i - 1];
      return before === undefined || (before.most < most && before.value <= value);
    });
    const last = buckets.at(-1);
    const whole = last?.most === Infinity && last.value === count[0]?.value;
    if (!rises || !whole || count.length !== 1 || sum.length !== 1) {
      throw new Error(`${name}${labels}: no histogram`);
    }
  }
}
