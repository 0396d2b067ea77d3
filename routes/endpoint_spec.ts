import type { z } from "@hono/zod-openapi";
import type { Access } from "./auth.ts";
import type { FailureStatus } from "./error_codes.ts";

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
  /** No body at all is `{}`. */
  readonly optionalBody?: true;
  /** Parameters of the query are not looked at. */
  readonly anyQuery?: true;
  /** Media types of a body that the handler reads by itself. */
  readonly bodyTypes?: Readonly<Record<string, z.ZodType>>;
  /** Headers that the handler reads. */
  readonly headers?: z.ZodObject;
  /** It acts once for each Idempotency-Key. */
  readonly keyed?: true;
  /** Statuses of refusals besides those that follow from the rest. */
  readonly failures?: readonly FailureStatus[];
  readonly answer: AnswerSpec;
}

export interface AnswerSpec {
  readonly status: 200 | 201 | 202;
  readonly description: string;
  /** Of `data` in the envelope. */
  readonly data?: z.ZodType;
  /** `data` is a page of a list, and `pagination` says which. */
  readonly paginated?: true;
  /** Of JSON that comes without the envelope. */
  readonly bare?: z.ZodType;
  /** In `meta`, besides what every answer has there. */
  readonly meta?: z.ZodRawShape;
  /** Other media types in which it comes. */
  readonly types?: Readonly<Record<string, z.ZodType>>;
  /** 304 without a body for a caller that has it already. */
  readonly notModified?: true;
  /** Other statuses with the same body, and what they mean. */
  readonly also?: Readonly<Partial<Record<200, string>>>;
}
