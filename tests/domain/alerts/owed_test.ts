import { equal } from "node:assert/strict";
import { type DeliveryStatus, isOwed } from "@/domain/alerts/owed.ts";

const OWED: readonly [channels: string[] | null, status: DeliveryStatus, owed: boolean][] = [
  [null, undefined, true],
  [["robot"], undefined, true],
  [["robot"], "failing", true],
  [["robot"], "sent", false],
  [["robot"], "given_up", false],
  [["another"], undefined, false],
  [[], "failing", false],
];

for (const [channels, status, owed] of OWED) {
  Deno.test(`an alert for ${channels ?? "everybody"} is${owed ? "" : " not"} owed when it is ${status ?? "untried"}`, () => {
    equal(isOwed({ channels }, "robot", status), owed);
  });
}
