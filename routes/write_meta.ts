import { z } from "@hono/zod-openapi";
import type { Meta } from "./envelope.ts";

/** What `meta` says of a write, in the document. */
export const writeMetaWire = {
  position: z.int().openapi({ description: "Of the log; reads that passed it show the write." }),
  visible: z.literal(false).optional()
    .openapi({ description: "Reads do not show it yet, but nothing is lost." }),
};

/** Position of a write, and whether reads already show it. */
export function writeMeta({ position, visible }: { position: number; visible: boolean }): Meta {
  return visible ? { position } : { position, visible };
}
