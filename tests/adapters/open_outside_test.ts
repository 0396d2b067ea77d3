import { deepEqual, equal, rejects } from "node:assert/strict";
import { openOutside, type OutsideOptions } from "@/adapters/open_outside.ts";
import { Refusal } from "@/domain/decider.ts";
import { SOURCE_NAMES } from "@/domain/ports/source_names.ts";
import { leapingClock } from "../support/fake_clock.ts";
import { credential, TOKEN } from "../support/open_sites.ts";
import { quietLog } from "../support/quiet_log.ts";
import { startSources } from "../support/source_server.ts";

const NO_PROXY = {
  ...{ exchangeProxy: undefined, httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
};
const OPTIONS: OutsideOptions = {
  ...{ clock: leapingClock(Date.UTC(2026, 8, 8, 3)), log: quietLog, proxy: NO_PROXY },
  ...{ exchangeUrls: {}, sourceUrls: {}, sourceAccess: {}, isDemo: false, alertUrls: [] },
  ...{ browser: { isWanted: false, path: undefined, ws: undefined }, temp: { path: "/nowhere" } },
};

Deno.test("outside: a real installation has every source, and says which setting each lacks", async () => {
  const outside = await openOutside({
    ...OPTIONS,
    sourceAccess: { hzzhqx: { token: credential(TOKEN) } },
  });
  deepEqual([...outside.marketSources.keys()], [...SOURCE_NAMES]);
  deepEqual(outside.marketSources.get("hzzhqx")?.missing, []);
  deepEqual((outside.marketSources.get("rongda")?.missing ?? []).length > 0, true);
  await outside.close();
});

Deno.test("outside: a demo asks no site but those it is given, and tells nobody", async () => {
  const outside = await openOutside({
    ...{ ...OPTIONS, isDemo: true, sourceUrls: { openvlab: "http://127.0.0.1:9" } },
    alertUrls: [credential("dingtalk://Token_1234567?secret=SEC")],
  });
  deepEqual([...outside.marketSources.keys()], ["openvlab"]);
  deepEqual(outside.alertChannels, []);
  await outside.close();
});

Deno.test("outside: a channel is opened for each URL of alerts, and its name holds no secret", async () => {
  const outside = await openOutside({
    ...OPTIONS,
    alertUrls: ["dingtalk://Token_1234567?secret=SEC-1", "wecom://Key_7654321", "http://h/x"]
      .map(credential),
  });
  const names = outside.alertChannels.map(({ name }) => name);
  deepEqual(names.map((name) => /^[a-z]+/.exec(name)?.[0]), ["dingtalk", "wecom", "webhook"]);
  equal(names.some((name) => /Token_|SEC-1|Key_/.test(name)), false);
  await outside.close();
});

Deno.test("outside: what is no URL of alerts is refused at once", async () => {
  await rejects(
    () => openOutside({ ...OPTIONS, alertUrls: [credential("carrier-pigeon://loft")] }),
    (error) => error instanceof Refusal && error.code === "validation_error",
  );
});

Deno.test("outside: a source asks the address of the settings; exchanges that nobody knows are refused", async () => {
  const sites = startSources({});
  const outside = await openOutside({
    ...{ ...OPTIONS, sourceUrls: sites.urls },
    sourceAccess: { hzzhqx: { token: credential(TOKEN) } },
  });
  try {
    equal(outside.exchanges.isSimulated("simulated"), true);
    await rejects(outside.exchanges.get("nosuchvenue"), Refusal);
    const { signal } = new AbortController();
    const { rows } = await outside.marketSources.get("hzzhqx")?.fetch({
      date: "2026-09-08",
      signal,
    }) ?? { rows: [] };
    equal(rows.length > 0, true);
  } finally {
    await outside.close();
    await sites.close();
  }
});
