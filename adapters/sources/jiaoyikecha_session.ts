import { z } from "zod";
import type { SourceError } from "@/domain/ports/source_error.ts";
import { optionalText } from "./market_numbers.ts";
import type { SourceHttp } from "./source_http.ts";
import { asksPassword, type SourceReply } from "./source_reply.ts";

/** The right to ask: the version of the site's pages and the cookies to send. */
export interface Session {
  ask(endpoint: string, form: Readonly<Record<string, string>>): Promise<SourceReply>;
}

/** The shell page names its scripts with the version behind them. */
const VERSION = /[?&]v=([\w.-]+)/;

const envelope = z.object({
  code: z.union([z.number(), z.string()]).transform(String),
  msg: optionalText(),
});

const opened = z.object({
  cookie: z.object({ PHPSESSID: z.string().regex(/^[\w,-]{8,128}$/, "expected a session id") }),
});

/**
 * Opens a session as the site's own page does. `cookie` is one of a browser that is logged in; where
 * it names a session that one is used.
 */
export async function openSession(
  http: SourceHttp,
  { cookie, signal }: { readonly cookie: string | undefined; readonly signal: AbortSignal },
): Promise<Session> {
  const shell = await http.ask({ path: "/", signal });
  const version = VERSION.exec(shell.text)?.[1];
  if (version === undefined) throw noVersion(shell);

  const call = (endpoint: string, form: Readonly<Record<string, string>>, cookies?: string) =>
    http.ask({
      path: `/ajax/${endpoint}.php`,
      ...{ query: { v: version }, form, signal },
      headers: cookies === undefined ? {} : { cookie: cookies },
    });

  const given = cookie?.trim();
  if (given !== undefined && /(?:^|;\s*)PHPSESSID=/.test(given)) {
    return { ask: (endpoint, form) => call(endpoint, form, given) };
  }
  const reply = await call("session", {}, given);
  const { code, msg } = reply.as(envelope);
  if (code !== "1") throw reply.refusal(code, msg ?? "");
  const { cookie: made } = reply.as(opened);
  http.keepSecret(made.PHPSESSID);
  const cookies = [`PHPSESSID=${made.PHPSESSID}`, ...(given === undefined ? [] : [given])];
  return { ask: (endpoint, form) => call(endpoint, form, cookies.join("; ")) };
}

/** What stands in the place of the shell page. */
function noVersion(shell: SourceReply): SourceError {
  const text = shell.text.trim();
  if (text.startsWith("{")) {
    const { code, msg } = shell.as(envelope);
    return shell.refusal(code, msg ?? "");
  }
  if (text.startsWith("<") && !/<\/html>$/i.test(text)) {
    return shell.fail("network", `${shell.op} ends in the middle`);
  }
  if (asksPassword(text)) {
    return shell.fail("login_required", `${shell.op} answers a page to log in at`);
  }
  const difference = "expected a page that names its version, received none";
  return shell.fail("schema_changed", difference, { differences: [difference] });
}
