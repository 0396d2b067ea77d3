export interface ProxySettings {
  /** For exchanges alone; goes before the other two. */
  readonly exchangeProxy?: string | undefined;
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  /** Comma-separated hosts (`example.com` also names its subdomains), with a port or not; `*` is all. */
  readonly noProxy?: string | undefined;
}

/** The proxy's URL for a request, after curl's rules; undefined goes there directly. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const { exchangeProxy, httpProxy, httpsProxy, noProxy = "" } = settings;
  if (noProxy.split(",").some((entry) => names(entry.trim().toLowerCase(), url))) return undefined;
  const proxy = exchangeProxy || (url.protocol === "http:" ? httpProxy : httpsProxy);
  return proxy === "" ? undefined : proxy;
}

function names(entry: string, url: URL): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [, host = entry, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  const bare = host.replace(/^\*?\./, "").replace(/^\[(.*)\]$/, "$1");
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const urlPort = url.port || (url.protocol === "https:" ? "443" : "80");
  if (port !== undefined && port !== urlPort) return false;
  return hostname === bare || hostname.endsWith(`.${bare}`);
}
