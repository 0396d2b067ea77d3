import type { BrowserContextOptions, Page } from "puppeteer-core";
import { proxyFor, type ProxySettings } from "@/adapters/exchange/proxy.ts";

/** How a browser goes to a page: through the proxy of the settings, or straight. */
export interface PageProxy {
  readonly context: BrowserContextOptions;
  /** Tells the proxy, and nobody else, the name and password of its URL. */
  signIn(page: Page): Promise<void>;
}

export function pageProxy(url: URL, settings: ProxySettings): PageProxy {
  const found = proxyFor(url, settings);
  if (found === undefined) return { context: {}, signIn: () => Promise.resolve() };
  const { protocol, host, username, password } = new URL(found);
  return {
    context: {
      proxyServer: `${protocol}//${host}`,
      proxyBypassList: bypassed(settings.noProxy),
    },
    async signIn(page) {
      if (username === "") return;
      const session = await page.createCDPSession();
      const answer = {
        response: "ProvideCredentials" as const,
        username: decodeURIComponent(username),
        password: decodeURIComponent(password),
      };
      session.on("Fetch.requestPaused", ({ requestId }) => {
        void session.send("Fetch.continueRequest", { requestId }).catch(() => {});
      });
      session.on("Fetch.authRequired", ({ requestId, authChallenge: { source } }) => {
        const authChallengeResponse = source === "Proxy" ? answer : CANCEL;
        const reply = { requestId, authChallengeResponse };
        void session.send("Fetch.continueWithAuth", reply).catch(() => {});
      });
      await session.send("Fetch.enable", { handleAuthRequests: true });
    },
  };
}

const CANCEL = { response: "CancelAuth" } as const;

/** An entry names a host and all below it; a browser wants both said. */
function bypassed(noProxy = ""): string[] {
  return noProxy.split(",").map((entry) => entry.trim().replace(/^\*?\./, ""))
    .filter((entry) => entry !== "").flatMap((entry) => [entry, `*.${entry}`]);
}
