const REMOVED = "[removed]";
/** Shorter ones would be found everywhere. */
const SHORTEST_SECRET = 4;
/** Of a cookie that is not named like a session: `lang`, `theme` and `isLogin` are no secrets. */
const SHORTEST_COOKIE = 12;
const SESSION_NAME = /sess|(?:^|[._-])sid$|token|auth(?!or)|ticket|remember|secret|passw|jwt/i;
/** As a value of JSON it says something else, wherever it stands. */
const PLAIN = /^(?:true|false|null|undefined|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/i;
/** A session that a site counts instead of drawing it. */
const NUMBERED_SESSION = /^\d{8,}$/;

/**
 * The end of a secret's name. Whatever stands before it stays as it is, and each part is bounded: an
 * answer of another kind must not be searched for minutes.
 */
const NAME =
  "(?:token|secret|passw(?:or)?d|authorization|cookie|credential|api[_-]?key|sess(?:ion)?[_-]?id|remember)[\\w-]{0,64}";
/** `"token": "abc"` and `token=abc`. */
const JSON_MEMBER = new RegExp(
  `(${NAME}"\\s{0,64}:\\s{0,64}")([^"\\\\]*(?:\\\\.[^"\\\\]*)*)(")`,
  "gi",
);
const ASSIGNED = new RegExp(`(${NAME}\\s{0,64}=\\s{0,64}["']?)([^\\s"'&;,<>]+)`, "gi");

/** The text with these secrets and whatever is named like one blotted out. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.flatMap(partsOf).filter((part) => part.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  return known.reduce((rest, secret) => rest.replaceAll(secret, REMOVED), text)
    .replace(JSON_MEMBER, `$1${REMOVED}$3`)
    .replace(ASSIGNED, `$1${REMOVED}`);
}

/** A secret, the values of the cookies in it, and how they are written in URLs and JSON. */
function partsOf(secret: string): string[] {
  const bare = secret.replace(/^(?:bearer|token|basic)\s+/i, "");
  const cookies = secret.includes("=") ? secret.split(";").flatMap(secretOf) : [];
  return [secret, bare, ...cookies].flatMap((part) => [
    part,
    encodeURIComponent(part),
    JSON.stringify(part).slice(1, -1),
  ]);
}

/** The value of a cookie that somebody could do something with. */
function secretOf(cookie: string): string[] {
  const at = cookie.indexOf("=");
  const [name, value] = [cookie.slice(0, at).trim(), cookie.slice(at + 1).trim()];
  const isSession = SESSION_NAME.test(name);
  if (isSession && NUMBERED_SESSION.test(value)) return [value];
  const isSecret = value.length >= SHORTEST_COOKIE || isSession;
  return isSecret && !PLAIN.test(value) ? [value] : [];
}
