import { z } from "zod";
import { Refusal } from "@/domain/decider.ts";
import { formatSeries, parseSeries } from "@/domain/klines/series_ref.ts";
import { EXPECTED_OPEN_TIME, isOpenTime } from "@/domain/klines/open_times.ts";
import { parseTime } from "@/domain/klines/time.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import { Secret } from "./secret.ts";

/** Reads the text of an environment variable. */
export type Setting<T> = z.ZodType<T, string>;

export const text = (): Setting<string> => z.string();
export const secret = (): Setting<Secret> => z.string().transform((value) => new Secret(value));
export const flag = (): Setting<boolean> =>
  z.enum(["on", "off"]).transform((value) => value === "on");

export function integer(min: number, max: number): Setting<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return z.string().regex(/^\d{1,15}$/, `expected ${expected}`).transform(Number)
    .refine((value) => value >= min && value <= max, `expected ${expected}`);
}

export function url(...protocols: readonly string[]): Setting<string> {
  const expected = `expected a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`;
  return z.string().refine((value) => {
    const protocol = URL.canParse(value) ? new URL(value).protocol : "";
    return protocols.includes(protocol);
  }, expected);
}

export const proxyUrl = (): Setting<Secret> =>
  url("http:", "https:", "socks5:").transform((value) => new Secret(value));

export const watch = (): Setting<readonly string[]> =>
  z.string().transform((value, context): readonly string[] => {
    const series = new Set<string>();
    if (value === "none") return [];
    for (const part of value.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
      try {
        series.add(formatSeries(parseSeries(part)));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        context.addIssue({ code: "custom", message: error.message });
      }
    }
    return [...series];
  });

/** Checked here, kept as they are written: they hold tokens. */
export const alertUrls = (): Setting<readonly Secret[]> =>
  z.string().transform((value, context): readonly Secret[] => {
    const urls = new Set(value.split(",").map((one) => one.trim()).filter((one) => one !== ""));
    for (const [i, url] of [...urls].entries()) {
      try {
        parseAlertUrl(url);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        context.addIssue({ code: "custom", message: `entry ${i + 1}, ${error.message}` });
      }
    }
    return [...urls].map((url) => new Secret(url));
  });

const time = (): Setting<number> =>
  z.string().transform((value, context) => {
    const at = parseTime(value);
    if (at !== undefined) return at;
    context.addIssue({ code: "custom", message: "expected a time, e.g. 2021-01-01 (UTC)" });
    return z.NEVER;
  });

export const openTime = (): Setting<number> =>
  time().refine(isOpenTime, `expected ${EXPECTED_OPEN_TIME}`);

export const timeZone = (): Setting<string> =>
  z.string().refine((value) => {
    try {
      return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone !== "";
    } catch {
      return false;
    }
  }, "expected an IANA time zone, e.g. Asia/Shanghai");

export const timeOfDay = (): Setting<string> =>
  z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, "expected a time of day, e.g. 03:30");
