import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Ticks twice, the second time by the platform's own cron, and then stops. */
const PROGRAM = `
  import { tickEveryMinute } from "@/cron/every_minute.ts";
  const stop = new AbortController();
  let ticks = 0;
  async function tick() {
    await Promise.resolve();
    Deno.stdout.writeSync(new TextEncoder().encode("tick\\n"));
    if (++ticks === 2) stop.abort();
  }
  tickEveryMinute(tick, stop.signal);
`;

Deno.test("every minute ticks at once, then by the platform's cron, and not any more when stopped", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "-"],
    cwd: ROOT,
    // Every schedule comes after so many ms instead.
    env: { DENO_CRON_TEST_SCHEDULE_OFFSET: "50" },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(PROGRAM));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, text(stderr));
  assert.equal(text(stdout), "tick\ntick\n");
});
