import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AnswerSpec, EndpointSpec } from "./endpoint_spec.ts";

type Registry = OpenAPIHono["openAPIRegistry"];

const meta = z.looseObject({ request_id: z.string(), timestamp: z.iso.datetime() })
  .openapi("Meta");

const failed = z.object({
  success: z.literal(false),
  error: z.object({
    code: z.string().openapi({ example: "VALIDATION_ERROR" }),
    message: z.string(),
    field: z.string().optional(),
    details: z.array(z.object({ field: z.string().optional(), message: z.string() })).optional(),
  }),
  meta,
}).openapi("Failure");

const idempotencyKey = z.object({
  "idempotency-key": z.string().min(1).max(200).optional().openapi({
    description: "The same key again acts only once and answers the same.",
  }),
});

/** Adds a route to the OpenAPI document, with the envelope and the failures that every route has. */
export function describeEndpoint(registry: Registry, spec: EndpointSpec): void {
  const { method, path, tag, summary, description, params = {}, query, answer } = spec;
  const writes = method !== "get";
  const content = bodyContent(spec);
  const shape = Object.entries(params).map(([name, meaning]) => [
    name,
    z.string().openapi({ description: meaning }),
  ]);
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
      ...(writes ? { headers: idempotencyKey } : {}),
      ...(content === undefined ? {} : { body: { required: true, content } }),
    },
    responses: {
      [answer.status]: { description: answer.description, content: answerContent(answer) },
      default: {
        description: "Refused or failed; the code says why",
        content: { "application/json": { schema: failed } },
      },
    },
  });
}

function bodyContent({ body, bodyTypes }: EndpointSpec) {
  if (body !== undefined) return { "application/json": { schema: body } };
  return bodyTypes === undefined ? undefined : textContent(bodyTypes);
}

function answerContent({ data, bare, types = {} }: AnswerSpec) {
  const enveloped = data === undefined
    ? undefined
    : z.object({ success: z.literal(true), data, meta });
  const schema = bare ?? enveloped;
  return {
    ...(schema === undefined ? {} : { "application/json": { schema } }),
    ...textContent(types),
  };
}

function textContent(types: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(types).map(([type, meaning]) => [
      type,
      { schema: z.string().openapi({ description: meaning }) },
    ]),
  );
}
