import { deepEqual } from "node:assert/strict";
import { isPrivateHost, leadsToPrivate } from "@/adapters/browser/private_address.ts";

Deno.test("private addresses: those of this machine and of networks of its own, in every notation", () => {
  const urls: readonly (readonly [url: string, isPrivate: boolean])[] = [
    ["http://127.0.0.1/", true],
    ["http://2130706433/", true],
    ["http://0x7f.1/", true],
    ["http://0/", true],
    ["http://10.1.2.3/", true],
    ["http://172.16.0.1/", true],
    ["http://172.31.255.255/", true],
    ["http://172.32.0.1/", false],
    ["http://192.168.1.1/", true],
    ["http://192.169.1.1/", false],
    ["http://169.254.169.254/latest/meta-data", true],
    ["http://100.64.0.1/", true],
    ["http://[::1]/", true],
    ["http://[::]/", true],
    ["http://[::ffff:127.0.0.1]/", true],
    ["http://[::ffff:8.8.8.8]/", false],
    ["http://[fd00::1]/", true],
    ["http://[fe80::1]/", true],
    ["http://[2001:db8::1]/", false],
    ["http://localhost/", true],
    ["http://a.localhost./", true],
    ["http://printer.local/", true],
    ["http://localhost.example/", false],
    ["http://8.8.8.8/", false],
    ["http://site.example/", false],
  ];
  deepEqual(urls.map(([url]) => [url, isPrivateHost(new URL(url).hostname)]), urls);
});

Deno.test("private addresses: a name that nobody knows leads to none", async () => {
  deepEqual(await Promise.all(["localhost", "nowhere.invalid"].map(leadsToPrivate)), [true, false]);
});
