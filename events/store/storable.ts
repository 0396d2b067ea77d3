/** Why the text of a JSON value cannot be stored: jsonb holds neither U+0000 nor half a surrogate pair. */
export function unstorable(json: string): string | undefined {
  // JSON.stringify writes both as escapes, so that text without these escapes is clean.
  if (!ESCAPES.test(json)) return undefined;
  for (const [, slashes, code] of json.matchAll(ESCAPE)) {
    const escaped = (slashes ?? "").length % 2 === 1;
    if (escaped && code === "0000") return "its text holds the character U+0000";
    if (escaped) return "its text holds half of a surrogate pair";
  }
  return undefined;
}

const ESCAPES = /\\u(?:0000|d[89a-f])/;
const ESCAPE = /(\\+)u(0000|d[89a-f][0-9a-f]{2})/g;

/** Why a stream cannot have this name. The bound keeps it well below what an index entry may hold. */
export function unstorableName(stream: string): string | undefined {
  if (stream === "") return "its stream has no name";
  if (stream.length > MAX_NAME) return `the name of its stream exceeds ${MAX_NAME} characters`;
  return unstorable(JSON.stringify(stream));
}

const MAX_NAME = 400;
