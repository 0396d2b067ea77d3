import type { SourceName } from "../ports/source_names.ts";

/** As a source's parser writes a number: plain decimal text (`-0.324`). */
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * Fields of the sources' schemas that are text by nature, whatever they look like: names, codes,
 * expiries (`202610`), dates, grades. Every other field that holds a decimal holds a number.
 */
const TEXT_FIELDS: Readonly<Record<SourceName, readonly string[]>> = {
  hzzhqx: ["name", "sector", "more_port", "main_sentiment"],
  jiaoyikecha: ["name", "broker", "grade"],
  openvlab: [
    ...["name", "exchange_name", "sector", "sector_alias", "product", "code"],
    ...["exp", "expiry", "expiry_date", "prior_date", "last_time", "updated_at"],
  ],
  ...{ rongda: ["name"], rongda2: ["name"] },
  founderfu: [
    ...["name", "sector", "morning_direction", "morning_rating"],
    ...["night_direction", "night_rating"],
  ],
  sina: [],
};

interface Values {
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A report's values with every number, at any depth, as `write` makes it of its decimal text. */
export function mapNumbers(
  { source, values }: Values,
  write: (decimal: string) => unknown,
): Record<string, unknown> {
  const isText = textFieldsOf(source);
  const mapped = (value: unknown): unknown => {
    if (typeof value === "string") return isNumber(value) ? write(value) : value;
    if (Array.isArray(value)) return value.map(mapped);
    return typeof value === "object" && value !== null ? fields(value) : value;
  };
  const fields = (record: object) =>
    Object.fromEntries(
      Object.entries(record).map(([name, one]) => [name, isText.has(name) ? one : mapped(one)]),
    );
  return fields(values);
}

/** Of a source that is no longer known here: what any source holds as text. */
function textFieldsOf(source: string): ReadonlySet<string> {
  const known = Object.entries(TEXT_FIELDS).find(([name]) => name === source)?.[1];
  return new Set(known ?? Object.values(TEXT_FIELDS).flat());
}

/** What doubles hold at least about: a longer one would be read as infinite. */
function isNumber(text: string): boolean {
  return DECIMAL.test(text) && Number.isFinite(Number(text));
}
