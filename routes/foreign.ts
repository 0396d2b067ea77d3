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

/** What stands in braces in a path. */
const PARAMS = {
  exchange: z.string().openapi({ description: "A venue, e.g. `okx`" }),
  streams: z.string().openapi({ description: "Names with `/` between them" }),
  number: z.string().openapi({ description: "Any number: some clients count connections" }),
};

/** Adds a route that keeps a protocol's own shapes and errors. */
export function foreign(
  { app, guard, judge }: ForeignRouter,
  { dialect, method, paths, access, summary }: ForeignSpec & { readonly dialect: Dialect },
  handle: (c: AppContext) => Response | Promise<Response>,
): void {
  for (const path of paths) {
    app.on(method.toUpperCase(), routeOf(path), async (c) => {
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
      request: { params: paramsOf(path) },
      responses: { default: { description: "As the protocol has it" } },
    });
  }
}

/** Names of streams may hold slashes; a number must not take the place of a word. */
function routeOf(path: string): string {
  const patterned = path.replace("{streams}", ":streams{.+}").replace("{number}", ":number{\\d+}");
  return routePath(patterned);
}

function paramsOf(path: string): z.ZodObject {
  return z.object(
    Object.fromEntries(Object.entries(PARAMS).filter(([name]) => path.includes(`{${name}}`))),
  );
}
