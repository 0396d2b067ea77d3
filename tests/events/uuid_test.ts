import { equal, notEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { uuidV5 } from "@/events/uuid.ts";

const DNS = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

Deno.test("uuidV5 gives the value of the RFC's example", () => {
  equal(uuidV5(DNS, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
});

Deno.test("uuidV5 reads the namespace in upper and lower case alike", () => {
  equal(uuidV5(DNS.toUpperCase(), "x"), uuidV5(DNS, "x"));
});

Deno.test("uuidV5 is the first 16 bytes of the SHA-1 but for version and variant", () => {
  fc.assert(fc.property(fc.uuid(), fc.string({ unit: "binary" }), (namespace, name) => {
    const bytes = Uint8Array.fromHex(uuidV5(namespace, name).replaceAll("-", ""));
    const hash = createHash("sha1").update(Uint8Array.fromHex(namespace.replaceAll("-", "")))
      .update(name).digest();
    for (const [i, byte] of bytes.entries()) {
      const expected = hash[i] ?? -1;
      if (i === 6) equal(byte, (expected & 0x0f) | 0x50);
      else if (i === 8) equal(byte, (expected & 0x3f) | 0x80);
      else equal(byte, expected);
    }
  }));
});

Deno.test("uuidV5 differs by name and by namespace", () => {
  notEqual(uuidV5(DNS, "1"), uuidV5(DNS, "2"));
  notEqual(uuidV5(DNS, "1"), uuidV5(uuidV5(DNS, "1"), "1"));
});

for (const wrong of ["", "7", DNS.slice(1), `${DNS}0`, DNS.replace("6", "g")]) {
  Deno.test(`uuidV5 refuses the namespace "${wrong}"`, () => {
    throws(() => uuidV5(wrong, "x"), TypeError);
  });
}
