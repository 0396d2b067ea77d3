/** What the server knows of a connection: `Deno.serve`'s info, passed as the bindings. */
export interface ConnectionInfo {
  readonly remoteAddr?: { readonly hostname?: string };
}

/**
 * The address that limits are counted by. Behind `trustProxy` proxies it is that many entries from
 * the end of X-Forwarded-For: what stands before them the client may have made up.
 */
export function clientAddress(
  connection: ConnectionInfo | undefined,
  forwardedFor: string | undefined,
  trustProxy: number,
): string {
  const direct = connection?.remoteAddr?.hostname ?? "unknown";
  if (trustProxy === 0 || forwardedFor === undefined) return network(direct);
  return network(forwardedFor.split(",").at(-trustProxy)?.trim() || direct);
}

/** One household has a whole /64 of IPv6 addresses: it counts as one. */
function network(address: string): string {
  const plain = address.replace(/^\[(.*)\](:\d+)?$/, "$1").toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (plain.split(":").length <= 2) return plain.replace(/:\d+$/, "");
  const [head = "", tail] = plain.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  if (tail !== undefined) {
    const after = tail.split(":").filter((group) => group !== "");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  return `${groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
