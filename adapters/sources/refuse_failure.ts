import { retryAfterMs } from "@/adapters/retry_after.ts";
import type { SourceReply } from "./source_reply.ts";

/** Sina's own status for an address that asked too often. */
const SINA_BLOCKS = 456;
const LOGIN_PATH = /login|signin|passport|auth/i;

/** Throws what an HTTP status other than 2xx means; `now` in epoch ms is for waits until a date. */
export function refuseFailure(
  reply: SourceReply,
  { status, headers }: Pick<Response, "status" | "headers">,
  now = 0,
): void {
  if (status >= 200 && status < 300) return;
  const said = `${reply.op} answers HTTP ${status}`;
  const waitMs = retryAfterMs(headers, now);
  if (status === 429 || status === SINA_BLOCKS) {
    throw reply.fail("rate_limited", "it asks for fewer requests", { retryAfterMs: waitMs });
  }
  if (status >= 500) throw reply.fail("server", said, { retryAfterMs: waitMs });
  if (status === 408) throw reply.fail("timeout", said);
  if (status === 401 || status === 403) throw reply.fail("login_required", said);
  const location = headers.get("location") ?? "";
  if (status >= 300 && status < 400 && LOGIN_PATH.test(location)) {
    throw reply.fail("login_required", `${reply.op} leads to a page to log in at`);
  }
  const moved = status < 400 || status === 404 || status === 405 || status === 410;
  if (!moved) throw reply.fail("invalid", said);
  const difference = `expected an answer, received HTTP ${status}`;
  throw reply.fail("schema_changed", said, { differences: [difference] });
}
