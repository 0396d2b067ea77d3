import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { answer, type AppContext, failure, success } from "./envelope.ts";
import { streamEvents } from "./events_stream.ts";
import { textBody } from "./media.ts";
import { countParam } from "./params.ts";
import { toWire } from "./wire.ts";

type Deps = Pick<AppDeps, "store" | "clock" | "signal">;

/** Open connections for the log; each holds a page. */
const MAX_STREAMS = 100;
const MAX_EVENTS = 1_000;

const positions = { min: 0, max: 999_999_999_999_999, description: "Events after this position." };

const filter = {
  type: z.string().min(1).max(1_000).refine((text) => splitTypes(text)?.length !== 0, {
    message: "expected the name of a type",
  }).optional().openapi({
    description: "Types of events, separated by commas.",
    example: "SeriesWatched,SeriesUnwatched",
  }),
  stream: z.string().min(1).max(300).optional()
    .openapi({ description: "One stream.", example: "series-binance.BTC-USDT.1m" }),
};

const eventWire = z.object({
  position: z.int(),
  stream: z.string(),
  version: z.int(),
  id: z.string(),
  type: z.string(),
  schema: z.int(),
  data: z.record(z.string(), z.unknown()),
  meta: z.record(z.string(), z.unknown()),
  at: z.iso.datetime(),
}).openapi("Event");

const meta = {
  head: z.int().openapi({ description: "Position of the last event of the log." }),
  next_after: z.int().openapi({ description: "`after` of the next page." }),
};

const lastEventIdHeader = z.object({
  "last-event-id": z.string().regex(/^\d{1,15}$/).optional().openapi({
    description: "Position to go on after; a browser sends it when it comes back. Goes before " +
      "`after`.",
    example: "42",
  }),
});

/** The log as it is: everything that ever happened here. */
export function addEventRoutes(router: Router, { store, clock, signal }: Deps): void {
  let streams = 0;

  endpoint(router, {
    ...{ method: "get", path: "/api/v1/events", access: "admin", tag: "Events" },
    summary: "A page of the log",
    description: "Go on with `after` = `meta.next_after`.",
    query: z.strictObject({
      after: countParam({ ...positions, byDefault: 0 }),
      limit: countParam({
        ...{ min: 1, max: MAX_EVENTS, byDefault: 100, description: "Events at most." },
      }),
      ...filter,
    }),
    body: undefined,
    answer: { status: 200, description: "In the order of the log", data: z.array(eventWire), meta },
  }, async (c, { query: { after, limit, type, stream } }) => {
    const [head, events] = await Promise.all([
      store.head(),
      store.readAll({ after, limit, types: splitTypes(type), stream }),
    ]);
    const meta = { head, next_after: events.at(-1)?.position ?? after };
    return success(c, events.map(toWire), { meta });
  });

  endpoint(router, {
    ...{ method: "get", path: "/api/v1/events/stream", access: "admin", tag: "Events" },
    summary: "The log as it grows",
    description: "Server-sent events; the id of each is its position. Without `after` and " +
      "Last-Event-ID it starts with what comes next.",
    query: z.strictObject({ after: countParam(positions).optional(), ...filter }),
    headers: lastEventIdHeader,
    body: undefined,
    failures: [405],
    answer: {
      status: 200,
      description: "Goes on until one side ends it",
      types: { "text/event-stream": textBody("`data` is an event as in the page") },
    },
  }, async (c, { query: { after, type, stream } }) => {
    if (c.req.method === "HEAD") {
      const message = "Cannot HEAD a stream: it has no end to measure";
      return failure(c, { code: "METHOD_NOT_ALLOWED", message }, { headers: { allow: "GET" } });
    }
    if (streams >= MAX_STREAMS) {
      throw new Refusal("unavailable", `Cannot follow: ${MAX_STREAMS} streams are open already`);
    }
    const start = lastEventId(c) ?? after ?? await store.head();
    streams++;
    const body = streamEvents({
      ...{ store, clock, signal },
      onEnd: () => streams--,
    }, { after: start, types: splitTypes(type), stream });
    return answer(c, body, {
      headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
    });
  });
}

function splitTypes(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").map((type) => type.trim()).filter((type) => type !== "");
}

/** What a browser sends when it comes back; it goes before the address, which it cannot change. */
function lastEventId(c: AppContext): number | undefined {
  const header = c.req.header("last-event-id");
  if (header === undefined || header === "") return undefined;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new Refusal("validation_error", "Cannot go on from this Last-Event-ID: send a position", {
    field: "last-event-id",
  });
}
