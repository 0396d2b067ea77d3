import { isIP } from "node:net";
import { lookup } from "node:dns/promises";

/** Of this machine and of networks that nobody outside reaches: IPv4 by prefix, in bits. */
const PRIVATE: readonly (readonly [address: string, bits: number])[] = [
  ...[["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8]] as const,
  ...[["169.254.0.0", 16], ["172.16.0.0", 12], ["192.168.0.0", 16]] as const,
];

/** Whether a host of a URL is an address or a name of a machine that is not on the Internet. */
export function isPrivateHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  if (/(?:^|\.)(?:localhost|local|internal|lan|home\.arpa)$/.test(name)) return true;
  if (isIP(name) === 4) return isPrivateIpv4(name);
  if (isIP(name) !== 6) return false;
  const mapped = mappedIpv4(name);
  if (mapped !== undefined) return isPrivateIpv4(mapped);
  // Loopback and none, unique local, link-local.
  return /^::1?$/.test(name) || /^f[cd]/.test(name) || /^fe[89ab]/.test(name);
}

/** Whether a name leads to such an address, as far as this machine knows. */
export async function leadsToPrivate(host: string): Promise<boolean> {
  if (isPrivateHost(host)) return true;
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return false;
  try {
    return (await lookup(host, { all: true })).some(({ address }) => isPrivateHost(address));
  } catch {
    // A name that nobody knows leads nowhere: the browser tells it in its own words.
    return false;
  }
}

function isPrivateIpv4(address: string): boolean {
  const number = toNumber(address);
  return PRIVATE.some(([network, bits]) =>
    Math.floor(number / 2 ** (32 - bits)) === Math.floor(toNumber(network) / 2 ** (32 - bits))
  );
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** `::ffff:7f00:1`, as URLs write `::ffff:127.0.0.1`. */
function mappedIpv4(address: string): string | undefined {
  const [, dotted, high, low] =
    /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/.exec(address) ?? [];
  if (dotted !== undefined || high === undefined || low === undefined) return dotted;
  const [a, b] = [parseInt(high, 16), parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}
