import type { Interval } from "@/domain/klines/interval.ts";

/** TradingView's names of the intervals that charts ask for first. */
export const MAIN_RESOLUTIONS = ["1", "5", "15", "30", "60", "240", "1D", "1W", "1M"] as const;

const INTERVAL_OF: Readonly<Record<string, Interval>> = {
  "1S": "1s",
  "1": "1m",
  "3": "3m",
  "5": "5m",
  "15": "15m",
  "30": "30m",
  "60": "1h",
  "120": "2h",
  "240": "4h",
  "360": "6h",
  "480": "8h",
  "720": "12h",
  "1D": "1d",
  "3D": "3d",
  "1W": "1w",
  "1M": "1M",
};

export const RESOLUTIONS: readonly string[] = Object.keys(INTERVAL_OF);

/** The interval of `60` or `1D`; `D`, `W` and `M` are one of them. Undefined for what is not served. */
export function intervalOf(resolution: string): Interval | undefined {
  const name = /^[SDWM]$/.test(resolution) ? `1${resolution}` : resolution;
  return Object.hasOwn(INTERVAL_OF, name) ? INTERVAL_OF[name] : undefined;
}
