import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Access } from "./auth.ts";
import type { AnswerSpec, EndpointSpec } from "./endpoint_spec.ts";
import { paginationWire } from "./pages.ts";
import { describeFailure, ERRORS, type FailureStatus } from "./error_codes.ts";

type Registry = OpenAPIHono["openAPIRegistry"];

const meta = z.looseObject({ request_id: z.string(), timestamp: z.iso.datetime() })
  .openapi("Meta");

const failed = z.object({
  success: z.literal(false),
  error: z.object({
    code: z.enum(Object.keys(ERRORS)).openapi({ example: "VALIDATION_ERROR" }),
    message: z.string(),
    field: z.string().optional(),
    details: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  }),
  meta,
}).openapi("Failure");

const idempotencyKey = z.object({
  "idempotency-key": z.string().regex(/^[\x21-\x7e]{1,200}$/).optional().openapi({
    description: "The same key again acts only once and answers the same.",
  }),
});

/** What the guard refuses. */
const GUARDED = {
  open: [],
  market: [401, 403, 429],
  write: [401, 403, 429],
  admin: [401, 403, 429],
} as const satisfies Record<Access, readonly FailureStatus[]>;

/** Adds a route to the OpenAPI document, with the envelope and the failures that follow from what it is. */
export function describeEndpoint(registry: Registry, spec: EndpointSpec): void {
  const { method, path, tag, summary, description, params = {}, query, answer } = spec;
  const content = bodyContent(spec);
  const shape = Object.entries(params).map(([name, meaning]) => [
    name,
    z.string().openapi({ description: meaning }),
  ]);
  const headers = spec.keyed === true ? idempotencyKey : spec.headers;
  const answered = answerContent(answer);
  registry.registerPath({
    method,
    path,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(spec.access === "open" ? {} : {
      security: spec.access === "market" ? [{}, { bearer: [] }] : [{ bearer: [] }],
    }),
    request: {
      params: z.object(Object.fromEntries(shape)),
      query,
      ...(headers === undefined ? {} : { headers }),
      ...(content === undefined ? {} : { body: { required: spec.optionalBody !== true, content } }),
    },
    responses: {
      [answer.status]: { description: answer.description, content: answered },
      ...Object.fromEntries(
        Object.entries(answer.also ?? {}).map(([status, means]) => [
          status,
          { description: means, content: answered },
        ]),
      ),
      ...(answer.notModified === true ? { 304: { description: "What you have is current" } } : {}),
      ...Object.fromEntries(failuresOf(spec).map((status) => [status, failure(status)])),
      default: { description: "Refused or failed; the code says why", content: failedContent },
    },
  });
}

const failedContent = { "application/json": { schema: failed } };

function failure(status: FailureStatus) {
  return { description: describeFailure(status), content: failedContent };
}

/** Ascending, each once. */
function failuresOf(spec: EndpointSpec): readonly FailureStatus[] {
  const { access, params, body, bodyTypes, keyed, failures = [] } = spec;
  const reads = body !== undefined || bodyTypes !== undefined;
  const all: readonly FailureStatus[] = [
    ...GUARDED[access],
    ...(params === undefined ? [] : [404] as const),
    ...(reads ? [400, 413, 415] as const : []),
    ...(keyed === true && access === "write" ? [409, 507] as const : []),
    ...[422, 500, 503] as const,
    ...failures,
  ];
  return [...new Set(all)].toSorted((a, b) => a - b);
}

function bodyContent({ body, bodyTypes }: EndpointSpec) {
  if (body !== undefined) return { "application/json": { schema: body } };
  return bodyTypes === undefined ? undefined : typedContent(bodyTypes);
}

function answerContent({ data, paginated, bare, meta: more, types = {} }: AnswerSpec) {
  const told = more === undefined ? meta : meta.extend(more);
  const paging = paginated === true ? { pagination: paginationWire } : {};
  const enveloped = data === undefined
    ? undefined
    : z.object({ success: z.literal(true), data, ...paging, meta: told });
  const schema = bare ?? enveloped;
  return {
    ...(schema === undefined ? {} : { "application/json": { schema } }),
    ...typedContent(types),
  };
}

function typedContent(types: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]));
}
