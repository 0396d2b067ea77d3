import { createHash, timingSafeEqual } from "node:crypto";
import { Refusal } from "@/domain/decider.ts";

/** Who asks. `id` is what events carry as their actor. */
export type Actor =
  | { readonly kind: "guest" }
  | {
    readonly kind: "caller";
    /** `admin`, `user:<id>` or `key:<id>`. */
    readonly id: string;
    readonly admin: boolean;
    readonly scopes: readonly Scope[];
  };

export type Scope = "read" | "write";

export type Caller = Extract<Actor, { kind: "caller" }>;

/** Finds who a bearer token belongs to; undefined for a token that nobody holds. */
export type Authenticate = (token: string) => Caller | undefined | Promise<Caller | undefined>;

/**
 * Who may call a route: anybody; readers of market data (anybody, unless it is private); writers of
 * market data; the operator.
 */
export type Access = "open" | "market" | "write" | "admin";

const ADMIN: Caller = { kind: "caller", id: "admin", admin: true, scopes: ["read", "write"] };

/** Knows the operator's token and compares in constant time. */
export function authenticateAdmin(adminToken: string): Authenticate {
  const expected = digest(adminToken);
  return (token) => timingSafeEqual(digest(token), expected) ? ADMIN : undefined;
}

/** The token of an Authorization header; undefined without one. Throws a Refusal for another scheme. */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const token = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw new Refusal("unauthenticated", "Cannot read the Authorization header: send Bearer <token>");
}

/** Throws a Refusal: `unauthenticated` without a token, `forbidden` with one that does not suffice. */
export function checkAccess(
  actor: Actor,
  access: Access,
  marketData: "open" | "private",
): void {
  if (access === "open" || (access === "market" && marketData === "open")) return;
  if (actor.kind === "guest") {
    throw new Refusal(
      "unauthenticated",
      "Cannot do this without a token: send Authorization: Bearer",
    );
  }
  if (actor.admin) return;
  const scope = access === "market" ? "read" : "write";
  if (access !== "admin" && actor.scopes.includes(scope)) return;
  const needed = access === "admin" ? "the operator's token" : `a token with the scope ${scope}`;
  throw new Refusal("forbidden", `Cannot do this: it needs ${needed}`);
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
