import { z } from "@hono/zod-openapi";
import type { Breaker } from "@/domain/crawlers/breaker.ts";
import type { AppDeps } from "./app_deps.ts";
import { BREAKER_STATES, breakerState, breakerUntil } from "./crawler_health.ts";
import { isoTime } from "./iso_time.ts";

type Deps = Pick<AppDeps, "crawlers" | "crawlerQueries" | "exchangeStandings" | "clock">;

/** Whom crawlers ask, and whether they are asked at the moment. Times are epoch ms. */
export interface VenueStanding {
  readonly venue: string;
  readonly breaker: typeof BREAKER_STATES[number];
  /** When the breaker lets something through again; null while it is closed. */
  readonly openUntil: number | null;
  readonly lastError: string | null;
}

/** The venues of sources in the order of their list, then the exchanges that candle crawls have asked. */
export async function readVenues(
  { crawlers, crawlerQueries, exchangeStandings, clock }: Deps,
): Promise<readonly VenueStanding[]> {
  const breakers = await crawlerQueries.breakers();
  const standing = (venue: string, breaker: Breaker | undefined, lastError: string | null) => ({
    ...{ venue, breaker: breakerState(breaker, clock.now()) },
    ...{ openUntil: breakerUntil(breaker), lastError },
  });
  const sources = crawlers.list().filter(({ ownBreakers }) => !ownBreakers)
    .map(({ venue }) => standing(venue, breakers.get(venue), null));
  const exchanges = exchangeStandings().map(({ exchange, breaker, lastError }) =>
    standing(exchange, breaker, lastError)
  );
  return [...new Map([...sources, ...exchanges].map((one) => [one.venue, one])).values()];
}

export const venuesWire = {
  venues: z.array(z.object({
    venue: z.string().openapi({ example: "binance" }),
    breaker: z.enum(BREAKER_STATES),
    open_until: z.iso.datetime().nullable(),
    last_error: z.string().nullable().openapi({ description: "Of an exchange that fails." }),
  })).openapi({
    description:
      "The sites of the sources, and the exchanges that candle crawls have asked since " +
      "this process began, as it has found them.",
  }),
};

export function toVenuesWire(
  venues: readonly VenueStanding[],
): z.infer<typeof venuesWire["venues"]> {
  return venues.map(({ venue, breaker, openUntil, lastError }) => ({
    ...{ venue, breaker, open_until: isoTime(openUntil), last_error: lastError },
  }));
}
