import assert from "node:assert/strict";
import fc from "fast-check";
import { clientAddress } from "@/routes/client_address.ts";

const PROXY = { remoteAddr: { hostname: "10.0.0.1" } };

const CASES: readonly [what: string, forwarded: string | undefined, hops: number, is: string][] = [
  ["the connection's own without a proxy", undefined, 0, "10.0.0.1"],
  [
    "the connection's own, whatever is claimed, while no proxy is trusted",
    "1.2.3.4",
    0,
    "10.0.0.1",
  ],
  ["what the one proxy saw", "1.2.3.4", 1, "1.2.3.4"],
  ["the last entry, not those a client made up before it", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"],
  ["the last but one behind two proxies", "6.6.6.6, 1.2.3.4, 10.0.0.9", 2, "1.2.3.4"],
  ["the connection's own when there are fewer entries than proxies", "1.2.3.4", 2, "10.0.0.1"],
  ["the connection's own when the header is missing", undefined, 1, "10.0.0.1"],
  ["an address without its port", "1.2.3.4:5678", 1, "1.2.3.4"],
  ["the network of an IPv6 address", "2001:db8:1:2:a:b:c:d", 1, "2001:db8:1:2::/64"],
  ["the same network however it is written", "[2001:0db8:1:2::d]:443", 1, "2001:db8:1:2::/64"],
  ["the network of a short IPv6 address", "::1", 1, "0:0:0:0::/64"],
  ["an IPv4 address inside IPv6", "::ffff:1.2.3.4", 1, "1.2.3.4"],
];

for (const [what, forwarded, hops, is] of CASES) {
  Deno.test(`client address: is ${what}`, () => {
    assert.equal(clientAddress(PROXY, forwarded, hops), is);
  });
}

Deno.test("client address: is unknown, and still one, where no connection is known", () => {
  assert.equal(clientAddress(undefined, undefined, 0), "unknown");
  assert.equal(clientAddress({}, undefined, 1), "unknown");
});

Deno.test("client address: nothing a client sends changes it while no proxy is trusted", () => {
  fc.assert(fc.property(fc.string(), (header) => {
    assert.equal(clientAddress(PROXY, header, 0), "10.0.0.1");
  }));
});
