/** Below those that a system hands out: nobody is given one of them before its server is up. */
const [FIRST, LAST] = [20_000, 32_767] as const;

/** A loopback port that was free a moment ago, and that only those can take who name it. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
