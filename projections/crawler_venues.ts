import { jsonb, pgTable } from "drizzle-orm/pg-core";
import { type Breaker, CLOSED, evolveBreaker } from "@/domain/crawlers/breaker.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { byteText } from "./byte_text.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
export const crawlerVenuesTable = pgTable(`crawler_venues_v${VERSION}`, {
  venue: byteText("venue").primaryKey(),
  breaker: jsonb("breaker").$type<Breaker>().notNull(),
});
export type CrawlerVenueRow = typeof crawlerVenuesTable.$inferSelect;

/** One row a venue that ever failed: its circuit breaker, by the policy of the domain. */
export const crawlerVenues: RowProjection<CrawlerRunEvent, CrawlerVenueRow> = {
  kind: "rows",
  name: "crawler_venues",
  version: VERSION,
  table: crawlerVenuesTable,
  keys: ({ data }) => [data.venue],
  on: {
    CrawlerRunStarted: evolved,
    CrawlerSucceeded: evolved,
    CrawlerFailed: evolved,
    CrawlerTimedOut: evolved,
    CrawlerCrashed: evolved,
  },
};

function evolved(
  row: CrawlerVenueRow | undefined,
  event: CrawlerRunEvent,
): CrawlerVenueRow | undefined {
  const before = row?.breaker ?? CLOSED;
  const breaker = evolveBreaker(before, event);
  // Nearly all runs succeed: nothing is written for them.
  if (breaker === before || isWhole(before) && isWhole(breaker)) return row;
  return { venue: event.data.venue, breaker };
}

function isWhole(breaker: Breaker): boolean {
  return breaker.status === "closed" && breaker.failures === 0;
}
