import { z } from "@hono/zod-openapi";
import { INTERVALS } from "@/domain/klines/interval.ts";
import { TOO_LATE } from "@/domain/klines/open_times.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { success } from "./envelope.ts";
import { answerOnce, claimKey, identifyWrite } from "./idempotency.ts";
import { flagParam, openTimeField } from "./params.ts";
import { findRecorded } from "./recorded_series.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { gapsMeta, gapsQuery, gapWire, pageOfGaps, toGapWire } from "./series_gaps.ts";
import { seriesWire, toSeriesWire } from "./series_wire.ts";
import { addSeries, unwatchSeries } from "./watch_series.ts";
import { writeMeta, writeMetaWire } from "./write_meta.ts";

type Deps =
  & Pick<
    AppDeps,
    | ("store" | "series" | "projections" | "removal" | "venues")
    | ("settings" | "clock" | "log" | "signal")
  >
  & { readonly directory: SeriesDirectory };

const tag = "Series";
const noQuery = z.strictObject({});
const params = { id: "Id of the series, e.g. `binance.BTC-USDT.1m`" };

const newSeries = z.strictObject({
  exchange: z.string().openapi({ example: "binance" }),
  symbol: z.string().openapi({ example: "BTC/USDT" }),
  interval: z.enum(INTERVALS),
  history_start: openTimeField("Where its history begins; the installation's default without it.")
    .nullish(),
  watch: z.boolean().prefault(true).openapi({ description: "Crawl it from now on." }),
});

const purged = seriesWire.extend({ removed: z.int().optional() });

/** Series: which there are, what they hold, which are watched. */
export function addSeriesRoutes(router: Router, deps: Deps): void {
  const { directory, series, projections, store } = deps;

  /** What reads show once they have come to the position; what was decided where they lag behind. */
  async function settled(id: string, position: number, names?: readonly string[]) {
    const visible = await projections.waitFor(position, undefined, names);
    const shown = await series.find(id);
    if (visible && shown !== undefined) return { view: shown, visible };
    const decided = await findRecorded(store, id);
    if (decided === undefined) throw new Error(`series ${id} was decided but is not recorded`);
    const { watched, historyStart, lastError } = decided;
    return { view: { ...decided, ...shown, watched, historyStart, lastError }, visible };
  }

  endpoint(router, {
    ...{ method: "get", path: "/api/v1/series", access: "market", tag },
    ...{ summary: "All series", query: noQuery, body: undefined },
    answer: { status: 200, description: "By id", data: z.array(seriesWire) },
  }, async (c) => success(c, (await directory.list()).map(toSeriesWire)));

  endpoint(router, {
    ...{ method: "get", path: "/api/v1/series/{id}", access: "market", tag, params },
    ...{ summary: "A series", query: noQuery, body: undefined },
    answer: { status: 200, description: "What it holds", data: seriesWire },
  }, async (c) => success(c, toSeriesWire(await directory.find(c.req.param("id") ?? ""))));

  endpoint(router, {
    ...{ method: "get", path: "/api/v1/series/{id}/gaps", access: "market", tag, params },
    summary: "Holes between the first and the last candle",
    ...{ query: gapsQuery, body: undefined },
    answer: {
      ...{ status: 200, description: "Ascending, in ms; whole, also where the range cuts them" },
      ...{ data: z.array(gapWire), meta: gapsMeta },
    },
  }, async (c, { query }) => {
    const { id } = await directory.find(c.req.param("id") ?? "");
    const { gaps, nextCursor } = pageOfGaps(await series.gaps(id), query);
    return success(c, gaps.map(toGapWire), { meta: { next_cursor: nextCursor ?? null } });
  });

  endpoint(router, {
    ...{ method: "post", path: "/api/v1/series", access: "write", tag },
    summary: "Add a series and watch it",
    description: "One that exists becomes what is sent: watched or not, from this history start; " +
      "a history start that is left out stays as it is.",
    ...{ query: noQuery, body: newSeries },
    ...{ keyed: true, failures: [404] },
    answer: {
      ...{ status: 201, description: "The series, made new", also: { 200: "It was there before" } },
      ...{ data: seriesWire, meta: writeMetaWire },
    },
  }, async (c, { body }) => {
    const identity = identifyWrite(c, { body: JSON.stringify(body), ...deps.settings });
    const { history_start: historyStart, ...wanted } = body;
    const request = { ...wanted, historyStart: historyStart ?? undefined };
    const { data, status, ...written } = await answerOnce(deps, identity, async () => {
      const { id, added, position } = await addSeries(deps, request, identity);
      const { view, visible } = await settled(id, position, ["series"]);
      return { data: toSeriesWire(view), status: added ? 201 : 200, position, visible };
    });
    return success(c, data, { status: status ?? 200, meta: writeMeta(written) });
  });

  endpoint(router, {
    ...{ method: "delete", path: "/api/v1/series/{id}", access: "write", tag, params },
    summary: "Stop watching a series",
    description: "Its candles stay, unless `purge=true` takes them away, by an event.",
    query: z.strictObject({ purge: flagParam("Take its candles away.").prefault("false") }),
    body: undefined,
    keyed: true,
    answer: {
      ...{ status: 200, description: "The series as it is now" },
      ...{ data: purged, meta: writeMetaWire },
    },
  }, async (c, { query }) => {
    const view = await directory.find(c.req.param("id") ?? "");
    const identity = identifyWrite(c, { body: "", ...deps.settings });
    const { data, ...written } = await answerOnce(deps, identity, async () => {
      await claimKey(store, identity);
      let position = await unwatchSeries(deps, view, identity);
      const removal = query.purge
        ? await deps.removal.remove({
          ...{ seriesId: view.id, interval: view.interval, reason: "purge", keepOut: false },
          ...{ from: 0, to: TOO_LATE, actor: identity.actor },
          commandId: uuidV5(identity.commandId, "purge"),
        })
        : undefined;
      position = Math.max(position, removal?.position ?? 0);
      const { view: now, visible } = await settled(view.id, position);
      const counts = removal === undefined ? {} : { removed: removal.removed };
      return { data: { ...toSeriesWire(now), ...counts }, position, visible };
    });
    return success(c, data, { meta: writeMeta(written) });
  });
}
