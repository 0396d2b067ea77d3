import type { z } from "@hono/zod-openapi";
import type { Access } from "./auth.ts";

/** All that a route says of itself, to the router and to the OpenAPI document. */
export interface EndpointSpec<
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodObject | undefined = z.ZodObject | undefined,
> {
  readonly method: "get" | "post" | "delete";
  /** As OpenAPI writes it: `/api/v1/series/{id}`. */
  readonly path: string;
  readonly access: Access;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Names in the path and what they mean. */
  readonly params?: Readonly<Record<string, string>>;
  /** Strict: what it does not name is refused. */
  readonly query: Query;
  /** Strict; undefined where no JSON is read. */
  readonly body: Body;
  /** Media types of a body that the handler reads by itself, with their descriptions. */
  readonly bodyTypes?: Readonly<Record<string, string>>;
  readonly answer: AnswerSpec;
}

export interface AnswerSpec {
  readonly status: 200 | 201 | 202;
  readonly description: string;
  /** Of `data` in the envelope. */
  readonly data?: z.ZodType;
  /** Of JSON that comes without the envelope. */
  readonly bare?: z.ZodType;
  /** Other media types in which it comes, with their descriptions. */
  readonly types?: Readonly<Record<string, string>>;
}
