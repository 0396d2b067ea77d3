import { deepEqual, equal, throws } from "node:assert/strict";
import { z } from "zod";
import { personal, personalFields, subject } from "@/events/personal.ts";

Deno.test("personalFields finds the marked fields and whose they are", () => {
  const schema = z.object({
    userId: subject(z.string()),
    email: personal(z.string()),
    plan: z.string(),
    tags: z.array(z.object({ name: z.string() })),
  });
  deepEqual(personalFields(schema), { subject: "userId", fields: ["email"] });
});

Deno.test("personalFields finds nothing in an event without marks", () => {
  equal(personalFields(z.object({ a: z.string(), b: z.object({ c: z.number() }) })), undefined);
});

Deno.test("personalFields sees a mark through what is put around or written about the field", () => {
  const schema = z.object({
    userId: subject(z.string()).describe("who"),
    a: personal(z.string()).optional(),
    b: personal(z.string()).describe("mail"),
    c: personal(z.object({ street: z.string() })).default({ street: "" }),
    d: personal(z.string()).readonly(),
  });
  deepEqual(personalFields(schema)?.fields, ["a", "b", "c", "d"]);
});

Deno.test("personal leaves the mark of one field off the schema it was made of", () => {
  const name = z.string();
  const marked = z.object({ userId: subject(name), a: personal(name) });
  deepEqual(personalFields(marked), { subject: "userId", fields: ["a"] });
  equal(personalFields(z.object({ userId: name, a: name })), undefined);
});

Deno.test("personal allows null, which is what an erased field reads as", () => {
  const schema = z.object({ userId: subject(z.string()), email: personal(z.string().min(3)) });
  equal(schema.parse({ userId: "u", email: null }).email, null);
  throws(() => schema.parse({ userId: "u", email: "a" }));
});

const userId = subject(z.string());
const mail = personal(z.string());

for (
  const [what, schema] of [
    ["without a subject", z.object({ mail })],
    ["of two subjects", z.object({ userId, otherId: userId, mail })],
    ["inside an object", z.object({ userId, contact: z.object({ mail }) })],
    ["inside an optional object", z.object({ userId, contact: z.object({ mail }).optional() })],
    ["in a list", z.object({ userId, mails: z.array(mail) })],
    ["in one form of a union", z.object({ userId, contact: z.union([mail, z.number()]) })],
    ["in a record", z.object({ userId, contact: z.record(z.string(), mail) })],
  ] as const
) {
  Deno.test(`personalFields refuses a personal field ${what}, rather than keep it in clear`, () => {
    throws(() => personalFields(schema), TypeError);
  });
}
