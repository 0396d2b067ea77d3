import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import {
  type Access,
  type Actor,
  authenticateAdmin,
  bearerToken,
  checkAccess,
} from "@/routes/auth.ts";

const guest: Actor = { kind: "guest" };
const admin: Actor = { kind: "caller", id: "admin", admin: true, scopes: [] };
const reader: Actor = { kind: "caller", id: "key:r", admin: false, scopes: ["read"] };
const writer: Actor = { kind: "caller", id: "key:w", admin: false, scopes: ["write"] };
const nobody: Actor = { kind: "caller", id: "user:n", admin: false, scopes: [] };

/** For guest, nobody, reader, writer, admin: `+` may, `?` must say who it is, `-` must not. */
const RIGHTS: readonly [access: Access, marketData: "open" | "private", rights: string][] = [
  ["open", "open", "+++++"],
  ["open", "private", "+++++"],
  ["market", "open", "+++++"],
  ["market", "private", "?-+-+"],
  ["write", "open", "?--++"],
  ["write", "private", "?--++"],
  ["admin", "open", "?---+"],
  ["admin", "private", "?---+"],
];

Deno.test("access: is given by actor, route and whether market data is private", () => {
  for (const [access, marketData, rights] of RIGHTS) {
    const found: string[] = [guest, nobody, reader, writer, admin]
      .map((actor) => right(actor, access, marketData));
    assert.equal(found.join(""), rights, `${access}, ${marketData}`);
  }
});

function right(actor: Actor, access: Access, marketData: "open" | "private"): string {
  try {
    checkAccess(actor, access, marketData);
    return "+";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    assert.ok(error.code === "unauthenticated" || error.code === "forbidden");
    return error.code === "unauthenticated" ? "?" : "-";
  }
}

Deno.test("admin token: only the very token is the operator's", async () => {
  const authenticate = authenticateAdmin("correct horse");
  assert.equal((await authenticate("correct horse"))?.admin, true);
  for (const wrong of ["", "correct hors", "correct horse ", "Correct horse", "x".repeat(10_000)]) {
    assert.equal(await authenticate(wrong), undefined);
  }
});

Deno.test("bearer token: is read from its header, whatever the case of the scheme", () => {
  assert.equal(bearerToken(undefined), undefined);
  assert.equal(bearerToken("Bearer abc"), "abc");
  assert.equal(bearerToken("bearer  abc "), "abc");
  for (const odd of ["abc", "Basic abc", "Bearer", "Bearer a b", ""]) {
    assert.throws(() => bearerToken(odd), { name: "Refusal", code: "unauthenticated" }, odd);
  }
});
