import type { ProcessFacts } from "@/domain/ports/process_facts.ts";

/** Of this process, now. */
export function processFacts(): ProcessFacts {
  const { rss, heapTotal, heapUsed, external } = Deno.memoryUsage();
  return {
    startedAt: performance.timeOrigin,
    runtime: Deno.version.deno,
    ...{ rss, heapTotal, heapUsed, external },
  };
}
