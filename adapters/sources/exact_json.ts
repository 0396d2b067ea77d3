/** What {@linkcode parseExactJson} does not tell in its types. */
interface ReviverContext {
  readonly source?: string;
}

/** No double has more digits, written out. */
const LONGEST = 1_100;

/**
 * The value of a JSON text, in which a number that a double would change stays the text it was
 * written in. Throws a SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, keepDigits);
}

/** Whether the text is the beginning of a JSON object or array whose end never came. */
export function isCutOff(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
  }
  return inString || depth > 0;
}

function keepDigits(_name: string, value: unknown, context?: ReviverContext): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  if (context.source.length > LONGEST) return context.source;
  return significant(String(value)) === significant(context.source) ? value : context.source;
}

/** Digits and magnitude, whatever the writing: `-12.50e1` is `-125e0`. */
function significant(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return "0";
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}
