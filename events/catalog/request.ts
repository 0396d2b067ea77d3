import { z } from "zod";
import type { EventOf } from "../define.ts";

/** What is known of a write that may be sent again. Stream `request-<commandId>`. */
export const requestEvents = {
  /** An Idempotency-Key was used; `fingerprint` is the keyed hash of query and body. */
  RequestKeyUsed: z.object({ fingerprint: z.string().min(1) }),
  /** What it was answered: the same is answered again, also where it changed nothing. */
  RequestAnswered: z.object({
    status: z.int(),
    data: z.json(),
    /** Of the log, from which reads show it. */
    position: z.int().nonnegative(),
  }),
} as const;

export type RequestEvent = EventOf<typeof requestEvents>;
