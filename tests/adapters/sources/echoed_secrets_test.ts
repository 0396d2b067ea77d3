import { ok } from "node:assert/strict";
import { SourceError } from "@/domain/ports/source_error.ts";
import {
  ALL_SOURCES,
  credential,
  openSites,
  SELECTORS,
  sourceOf,
} from "@/tests/support/open_sites.ts";
import { SESSION_ID } from "@/tests/support/source_samples.ts";

/** Tokens are longer than what is shown of an answer: cut in the middle they are none to be found. */
const secret = (letter: string) =>
  Array.from({ length: 30 }, (_, n) => `${letter}${n * 7_919 + 31_415}`).join("");
const [TOKEN, SESSION] = [secret("t"), secret("c")];
const SECRETS = [TOKEN, SESSION, SESSION_ID];
/** So much of one tells nobody anything. */
const HARMLESS = 12;
const MOST_REQUESTS = 9;

type Echo = readonly [how: string, body: (said: string, right: string) => string];

/** Ways in which a site, or something in front of it, repeats what it was sent. */
const ECHOES: readonly Echo[] = [
  ["beside what it answers", (said, right) => {
    const text = JSON.stringify({ said });
    if (right.startsWith("{")) return `${text.slice(0, -1)},${right.slice(1)}`;
    return right.startsWith("<") ? `<!--${said}-->${right}` : `/*${said}*/${right}`;
  }],
  [
    "in its complaint",
    (said) =>
      JSON.stringify({
        success: false,
        code: 9,
        errCode: 9,
        errDesc: said,
        message: said,
        msg: said,
      }),
  ],
  ["as its code", (said) => JSON.stringify({ success: false, code: said, errCode: said })],
  ["in the place of a value", (said) => JSON.stringify({ success: said, code: 0, data: said })],
  ["in a list", (said) => JSON.stringify([said])],
  ["as text", (said) => said],
  ["on a page to log in at", (said) => `<html>login ${said} <input type="password"></html>`],
];

const credentials = { token: credential(TOKEN), cookie: credential(`remember=${SESSION}`) };
const ACCESS = {
  ...{ hzzhqx: credentials, founderfu: credentials, sina: credentials },
  openvlab: { ...credentials, selectors: SELECTORS.openvlab },
  jiaoyikecha: { ...credentials, selectors: SELECTORS.jiaoyikecha },
  rongda: { ...credentials, selectors: SELECTORS.page },
  rongda2: { ...credentials, selectors: SELECTORS.page },
};

for (const name of ALL_SOURCES) {
  for (const [how, body] of ECHOES) {
    Deno.test(`source ${name}: tells and keeps no secret that its site repeats ${how}`, async () => {
      let echoed = 0;
      for (let from = 1; from <= MOST_REQUESTS; from++) {
        let asked = 0;
        const house = openSites({
          access: ACCESS,
          between: (fetch) => async (url, init) => {
            const headers = new Headers(init.headers);
            // Without the names by which anybody would know them for what they are.
            const cookies = headers.get("cookie")?.replaceAll(/\w+=/g, "") ?? "";
            const said = `${headers.get("authorization") ?? ""} ${cookies}`.trim();
            const right = await fetch(url, init);
            if (++asked < from) return right;
            echoed += SECRETS.filter((secret) => said.includes(secret)).length;
            return new Response(body(said, await right.text()), { headers: right.headers });
          },
        });
        const { signal } = new AbortController();
        const told = await sourceOf(house, name).fetch({ date: "2026-09-08", signal }).then(
          ({ rows, raw, failures }) => [textOf(raw.bytes), rows, failures.map(toldOf)],
          toldOf,
        );
        const text = JSON.stringify(told);
        for (const part of SECRETS.flatMap(partsOf)) {
          ok(!text.includes(part), `request ${from} tells ${part}: ${text}`);
        }
        if (asked < from) break;
      }
      ok(echoed > 0, "a site that repeats nothing proves nothing");
    });
  }
}

/** Pieces of which any longer part of it holds one. */
function partsOf(secret: string): string[] {
  const count = Math.floor(secret.length / HARMLESS);
  return Array.from({ length: count }, (_, n) => secret.slice(n * HARMLESS, (n + 1) * HARMLESS));
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

/** Everything of a failure that is recorded, kept or told. */
function toldOf(failure: unknown): unknown {
  const error = failure instanceof SourceError ? failure : Reflect.get(Object(failure), "error");
  ok(error instanceof SourceError, Deno.inspect(failure));
  const { message, op, hint, differences, response } = error;
  return { message, op, hint, differences, kept: textOf(response?.bytes) };
}
