import { Refusal } from "@/domain/decider.ts";

export interface Listening {
  /** Origin to reach it from this machine, e.g. `http://127.0.0.1:8000`. */
  readonly address: string;
  /** Takes nothing new and waits for what is being answered. */
  stop(): Promise<void>;
}

/** Serves HTTP. Refusal `conflict` when the port is taken, `validation_error` for a host not of this machine. */
export function listen(
  { host: hostname, port }: { readonly host: string; readonly port: number },
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Listening {
  const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  try {
    const server = Deno.serve({ hostname, port, onListen: () => {} }, handler);
    const near = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    const host = near.includes(":") ? `[${near}]` : near;
    return { address: `http://${host}:${server.addr.port}`, stop: () => server.shutdown() };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Refusal("conflict", `Cannot serve on ${where}: it is in use; set PORT`);
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new Refusal("validation_error", `Cannot serve on ${where}: set HOST to an own address`);
    }
    throw error;
  }
}
