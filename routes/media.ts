import { z } from "@hono/zod-openapi";

/** A body of text in the OpenAPI document. */
export function textBody(description: string): z.ZodType {
  return z.string().openapi({ description });
}

/** A body of bytes in the OpenAPI document. */
export function binaryBody(description: string): z.ZodType {
  return z.string().openapi({ type: "string", format: "binary", description });
}
