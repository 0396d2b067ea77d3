import { equal, match, throws } from "node:assert/strict";
import { listen } from "@/adapters/process/listen.ts";
import { Refusal } from "@/domain/decider.ts";

Deno.test("listen answers on a free port and says where", async () => {
  const { address, stop } = listen({ host: "127.0.0.1", port: 0 }, () => new Response("here"));
  match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  equal(await (await fetch(address)).text(), "here");
  await stop();
});

Deno.test("listen says an address of this machine also when it serves on all", async () => {
  const { address, stop } = listen({ host: "0.0.0.0", port: 0 }, () => new Response("here"));
  match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  await stop();
});

Deno.test("listen refuses a port that is taken and a host that is elsewhere", async () => {
  const { address, stop } = listen({ host: "127.0.0.1", port: 0 }, () => new Response());
  const port = Number(new URL(address).port);
  const again = () => listen({ host: "127.0.0.1", port }, () => new Response());
  throws(again, (error: unknown) => {
    equal(error instanceof Refusal && error.code, "conflict");
    return error instanceof Refusal && /in use; set PORT$/.test(error.message);
  });
  await stop();
  const elsewhere = () => listen({ host: "192.0.2.1", port: 0 }, () => new Response());
  throws(elsewhere, /set HOST to an own address/);
});
