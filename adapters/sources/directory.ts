import { SourceError } from "@/domain/ports/source_error.ts";
import type { SourceReply } from "./source_reply.ts";

/**
 * The answer to a request for what only names things; undefined where the site has no such page any
 * more, since what it says of the market is worth having without. Every other failure is one.
 */
export async function askDirectory(asking: Promise<SourceReply>): Promise<SourceReply | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof SourceError && GONE.includes(error.httpStatus ?? 0)) return undefined;
    throw error;
  }
}

const GONE: readonly number[] = [404, 410];
