import { Refusal } from "@/domain/decider.ts";
import type { AppDeps } from "./app_deps.ts";
import { type Access, bearerToken, checkAccess } from "./auth.ts";
import { clientAddress } from "./client_address.ts";
import type { AppContext } from "./envelope.ts";
import { createRateLimiter, type RateClass } from "./rate_limit.ts";

/**
 * Lets a request through to a route, or throws a Refusal. Remembers who asks. `token` stands for
 * the Authorization header where a protocol carries it elsewhere.
 */
export type Guard = (c: AppContext, access: Access, token?: string) => void | Promise<void>;

const RATE_CLASS = {
  open: undefined,
  market: "market",
  write: "write",
  admin: undefined,
} as const satisfies Record<Access, RateClass | undefined>;

/** Checks the token, what it may do, and how often its holder asks. */
export function createGuard(
  { authenticate, clock, settings }: Pick<AppDeps, "authenticate" | "clock" | "settings">,
): Guard {
  const limiter = createRateLimiter({ limits: settings.rateLimits, clock });

  function take(c: AppContext, rateClass: RateClass, caller: string): void {
    const waitS = limiter.take(rateClass, caller);
    c.set("rateUsed", () => limiter.used(rateClass, caller));
    if (waitS === 0) return;
    c.set("retryAfterS", waitS);
    throw new Refusal("rate_limited", `Cannot answer so many requests: wait ${waitS} s`);
  }

  function addressOf(c: AppContext): string {
    return clientAddress(c.env, c.req.header("x-forwarded-for"), settings.trustProxy);
  }

  function guardGuest(c: AppContext, access: Access): void {
    const rateClass = RATE_CLASS[access];
    checkAccess({ kind: "guest" }, access, settings.marketData);
    if (rateClass !== undefined && settings.rateLimits[rateClass] > 0) {
      take(c, rateClass, addressOf(c));
    }
  }

  return (c, access, given) => {
    if (access === "open") return;
    c.set("shared", access === "market");
    const token = given ?? bearerToken(c.req.header("authorization"));
    // No promise where none is needed: this is the way of every cached read.
    if (token === undefined) return guardGuest(c, access);
    return guardToken(c, access, token);
  };

  async function guardToken(c: AppContext, access: Access, token: string): Promise<void> {
    const actor = await authenticate(token);
    if (actor === undefined) {
      take(c, "auth", addressOf(c));
      throw new Refusal("unauthenticated", "Cannot accept this token: nobody holds it");
    }
    c.set("actor", actor);
    checkAccess(actor, access, settings.marketData);
    const rateClass = RATE_CLASS[access];
    if (rateClass !== undefined && !actor.admin) take(c, rateClass, actor.id);
  }
}
