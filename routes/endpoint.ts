import type { OpenAPIHono, z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import { trusted } from "@/events/trust.ts";
import { readJson } from "./body.ts";
import { describeEndpoint } from "./describe_endpoint.ts";
import type { EndpointSpec } from "./endpoint_spec.ts";
import type { AppContext, AppEnv } from "./envelope.ts";
import type { Guard } from "./guard.ts";
import { isStorable, queryRecord, validate } from "./validate.ts";

export type App = OpenAPIHono<AppEnv>;

/** Where routes are added, and what stands before each. */
export interface Router {
  readonly app: App;
  readonly guard: Guard;
}

export interface Input<Query extends z.ZodObject, Body extends z.ZodObject | undefined> {
  readonly query: z.output<Query>;
  readonly body: Body extends z.ZodObject ? z.output<Body> : undefined;
}

type Handle<Query extends z.ZodObject, Body extends z.ZodObject | undefined> = (
  c: AppContext,
  input: Input<Query, Body>,
) => Response | Promise<Response>;

/** Parsed queries kept a route: chart clients and bots ask the same again and again. */
const REMEMBERED_QUERIES = 1_000;
const LONGEST_REMEMBERED = 500;

/** Adds a route and its part of the OpenAPI document, from one description. */
export function endpoint<Query extends z.ZodObject, Body extends z.ZodObject | undefined>(
  { app, guard }: Router,
  spec: EndpointSpec<Query, Body>,
  handle: Handle<Query, Body>,
): void {
  const { method, path, access } = spec;
  const { optionalBody: optional = false, anyQuery = false } = spec;
  const parseQuery = anyQuery ? () => ({}) : createQueryParser(spec.query);
  const hasParams = path.includes("{");
  app.on(method.toUpperCase(), routePath(path), async (c) => {
    const guarded = guard(c, access);
    if (guarded !== undefined) await guarded;
    if (hasParams) requireStorable(c);
    const query = parseQuery(c.req.url);
    const body = spec.body === undefined
      ? undefined
      : validate(spec.body, await readJson(c, { optional }), "body");
    return await handle(c, trusted<Input<Query, Body>>({ query, body }));
  });
  describeEndpoint(app.openAPIRegistry, spec);
}

/** `/series/{id}` as Hono writes it: `/series/:id`. */
export function routePath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Nothing has such an id, and the database refuses to look for it. */
function requireStorable(c: AppContext): void {
  const bad = Object.entries(c.req.param()).find(([, value]) => !isStorable(value));
  if (bad === undefined) return;
  const message = `Cannot find anything by this ${bad[0]}: it holds U+0000 or half a character`;
  throw new Refusal("not_found", message);
}

/** Gives the same object for the same text while it is remembered. */
function createQueryParser(schema: z.ZodObject): (url: string) => unknown {
  const remembered = new Map<string, unknown>();
  return (url) => {
    const mark = url.indexOf("?");
    const search = mark === -1 ? "" : url.slice(mark);
    const known = remembered.get(search);
    if (known !== undefined) return known;
    const parsed = validate(schema, queryRecord(new URLSearchParams(search)), "query");
    if (remembered.size >= REMEMBERED_QUERIES) remembered.clear();
    if (search.length <= LONGEST_REMEMBERED) remembered.set(search, parsed);
    return parsed;
  };
}
