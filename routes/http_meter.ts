import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppContext, AppEnv } from "./envelope.ts";
import type { MetricFamily, Sample } from "./metrics_text.ts";

/** Counts what is asked and how long it takes. */
export interface HttpMeter {
  readonly middleware: MiddlewareHandler<AppEnv>;
  families(): readonly MetricFamily[];
}

/** Seconds. */
const BUCKETS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const,
] as const;

/** Callers make up others: each would be a series of its own, for ever. */
const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
]);

interface RouteCount {
  readonly method: string;
  readonly route: string;
  readonly statuses: Map<number, number>;
  /** Of each bucket alone, the last one without bound. */
  readonly buckets: number[];
  seconds: number;
}

/** By the pattern of the route, never by the path: there are as many series as routes. */
export function createHttpMeter(now: () => number = () => performance.now()): HttpMeter {
  const counts = new Map<string, RouteCount>();
  let inFlight = 0;

  function count(c: AppContext, tookMs: number): void {
    const method = METHODS.has(c.req.method) ? c.req.method : "OTHER";
    // Of the handler that has answered, also where a wider pattern matches, too.
    const pattern = routePath(c);
    const key = `${method} ${pattern}`;
    let found = counts.get(key);
    if (found === undefined) {
      const buckets = Array.from({ length: BUCKETS.length + 1 }, () => 0);
      found = { method, route: routeLabel(pattern), statuses: new Map(), buckets, seconds: 0 };
      counts.set(key, found);
    }
    const { status } = c.res;
    found.statuses.set(status, (found.statuses.get(status) ?? 0) + 1);
    const seconds = tookMs / 1_000;
    const bucket = BUCKETS.findIndex((most) => seconds <= most);
    const at = bucket === -1 ? BUCKETS.length : bucket;
    found.buckets[at] = (found.buckets[at] ?? 0) + 1;
    found.seconds += seconds;
  }

  return {
    async middleware(c, next) {
      const from = now();
      inFlight++;
      try {
        await next();
        count(c, now() - from);
      } finally {
        inFlight--;
      }
    },
    families: () => {
      const all = [...counts.values()];
      return [
        {
          name: "chandlery_http_requests_total",
          help: "Requests answered, by the pattern of their route.",
          type: "counter",
          samples: all.flatMap(({ method, route, statuses }) =>
            [...statuses].map(([status, value]) => ({
              labels: { method, route, status: String(status) },
              value,
            }))
          ),
        },
        {
          name: "chandlery_http_request_duration_seconds",
          help: "Time until an answer began.",
          type: "histogram",
          samples: all.flatMap(histogramOf),
        },
        {
          name: "chandlery_http_requests_in_flight",
          help: "Requests whose answer has not begun.",
          type: "gauge",
          samples: [{ value: inFlight }],
        },
      ];
    },
  };
}

function histogramOf({ method, route, buckets, seconds }: RouteCount): readonly Sample[] {
  const labels = { method, route };
  let sum = 0;
  const samples: Sample[] = buckets.map((value, i) => {
    sum += value;
    const le = BUCKETS[i] === undefined ? "+Inf" : String(BUCKETS[i]);
    return { suffix: "_bucket", labels: { ...labels, le }, value: sum };
  });
  return [
    ...samples,
    { suffix: "_sum", labels, value: seconds },
    { suffix: "_count", labels, value: sum },
  ];
}

/** `/api/v1/series/{id}`; what only the meter itself has matched is served by nobody. */
function routeLabel(pattern: string): string {
  if (pattern === "/*") return "unmatched";
  return pattern.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}");
}
