import { z } from "@hono/zod-openapi";
import type { Access } from "./auth.ts";
import { routePath, type Router } from "./endpoint.ts";
import type { AppContext } from "./envelope.ts";
import type { Judge, Outcome } from "./errors.ts";

/** Where routes of other people's protocols are added. */
export interface ForeignRouter extends Router {
  readonly judge: Judge;
}

/** What a protocol does in its own way. */
export interface Dialect {
  readonly tag: string;
  /** Where its clients send a token, if not as a bearer's. */
  token?(c: AppContext): string | undefined;
  /** Answers what a route threw. `judge` gives its outcome and logs what is not the caller's fault. */
  fail(c: AppContext, error: Error, judge: () => Outcome): Response;
}

export interface ForeignSpec {
  readonly method: "get" | "post";
  /** As OpenAPI writes it. */
  readonly paths: readonly string[];
  readonly access: Access;
  readonly summary: string;
}

const EXCHANGE = z.object({
  exchange: z.string().openapi({ description: "A venue, e.g. `okx`" }),
});

/** Adds a route that keeps a protocol's own shapes and errors. */
export function foreign(
  { app, guard, judge }: ForeignRouter,
  { dialect, method, paths, access, summary }: ForeignSpec & { readonly dialect: Dialect },
  handle: (c: AppContext) => Response | Promise<Response>,
): void {
  for (const path of paths) {
    app.on(method.toUpperCase(), routePath(path), async (c) => {
      try {
        await guard(c, access, dialect.token?.(c));
        return await handle(c);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return dialect.fail(c, error, () => judge(error, c));
      }
    });
    app.openAPIRegistry.registerPath({
      ...{ method, path, tags: [dialect.tag], summary },
      security: access === "market" ? [{}, { bearer: [] }] : [{ bearer: [] }],
      request: path.includes("{exchange}") ? { params: EXCHANGE } : {},
      responses: { default: { description: "As the protocol has it" } },
    });
  }
}
