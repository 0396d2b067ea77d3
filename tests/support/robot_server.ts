import type { AlertKind } from "@/domain/ports/alert_target.ts";
import { type Outcome, type RobotRequest, ROBOTS } from "./robot_dialects.ts";

/** Something else than the robot's own answer. */
export type RobotFault =
  | { readonly kind: "outcome"; readonly outcome: Outcome }
  | { readonly kind: "status"; readonly status: number; readonly headers?: HeadersInit }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "hang" }
  | { readonly kind: "reset" };

export interface RobotOptions {
  readonly kind: AlertKind;
  readonly secret?: string | undefined;
  readonly now: () => number;
  /** What happens to the first messages; undefined lets one pass. */
  readonly faults?: readonly (RobotFault | undefined)[];
}

export interface RobotMessage {
  readonly title: string;
  readonly text: string;
  readonly at: number;
}

/** A chat robot on this machine: checks shape, signature, size and rate, and answers in its own words. */
export interface Robot {
  readonly url: string;
  /** What people would have read. */
  readonly shown: readonly RobotMessage[];
  readonly requests: readonly RobotRequest[];
  /** What it said to each request. */
  readonly outcomes: readonly (Outcome | RobotFault["kind"])[];
  /** Resolves when so many requests have come. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

export function startRobot({ kind, secret, now, faults = [] }: RobotOptions): Robot {
  const dialect = ROBOTS[kind];
  const shown: RobotMessage[] = [];
  const requests: RobotRequest[] = [];
  const outcomes: (Outcome | RobotFault["kind"])[] = [];
  const waiting = new Set<() => void>();
  const stopped = Promise.withResolvers<Response>();
  const takenAt: number[] = [];
  let blockedUntil = -Infinity;

  function isTooMany(): boolean {
    const at = now();
    if (at < blockedUntil) return true;
    takenAt.push(at);
    const full = dialect.windows.some(({ most, ms }) =>
      takenAt.filter((one) => one > at - ms).length > most
    );
    if (full) blockedUntil = at + dialect.blockedMs;
    return full;
  }

  function judge(request: RobotRequest): Outcome {
    if (isTooMany()) return "too_many";
    const message = dialect.read(request);
    const isJson = request.headers.get("content-type")?.startsWith("application/json");
    if (message === undefined || !isJson) return "malformed";
    const { bytes, most } = dialect.size(request);
    if (bytes > most) return "too_long";
    if (secret !== undefined && !dialect.isSigned(request, { secret, now: now() })) {
      return "bad_signature";
    }
    shown.push({ ...message, at: now() });
    return "ok";
  }

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = await request.text();
    const seen = { url, headers: request.headers, body, json: parsed(body) };
    requests.push(seen);
    for (const wake of waiting) wake();
    if (request.method !== "POST" || url.pathname !== dialect.path) {
      return new Response("no such robot", { status: 404 });
    }
    const fault = faults[requests.length - 1];
    if (fault === undefined || fault.kind === "outcome") {
      const outcome = fault?.outcome ?? judge(seen);
      outcomes.push(outcome);
      return dialect.answer(outcome);
    }
    outcomes.push(fault.kind);
    return fault.kind === "hang" ? stopped.promise : spoiled(fault);
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  return {
    ...{ url: `http://127.0.0.1:${server.addr.port}`, shown, requests, outcomes },
    arrived: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (requests.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async close() {
      stopped.resolve(new Response(null, { status: 503 }));
      await server.shutdown();
    },
  };
}

function spoiled(fault: Extract<RobotFault, { kind: "status" | "text" | "reset" }>): Response {
  switch (fault.kind) {
    case "status":
      return new Response("out of order", { status: fault.status, headers: fault.headers ?? {} });
    case "text":
      return new Response(fault.text);
    case "reset":
      // It promises more bytes than it sends, whereupon the connection breaks.
      return new Response(new Blob(['{"errcode":0,']).stream(), {
        headers: { "content-length": "5000" },
      });
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
