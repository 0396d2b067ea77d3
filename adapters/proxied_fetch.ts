import { proxyFor, type ProxySettings } from "./proxy.ts";

/** As the platform's `fetch`, through the proxy that the settings name for an address. */
export interface ProxiedFetch {
  fetch(url: URL, init: RequestInit): Promise<Response>;
  close(): void;
}

export function createProxiedFetch(proxy: ProxySettings): ProxiedFetch {
  const clients = new Map<string, Deno.HttpClient>();
  return {
    fetch(url, init) {
      const proxyUrl = proxyFor(url, proxy);
      if (proxyUrl === undefined) return fetch(url, init);
      const client = clients.get(proxyUrl) ?? Deno.createHttpClient({ proxy: { url: proxyUrl } });
      clients.set(proxyUrl, client);
      return fetch(url, { ...init, client });
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}
