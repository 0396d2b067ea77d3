import type { CDPSession, Page, Protocol } from "puppeteer-core";
import type { PageProxy } from "./page_proxy.ts";
import { isPrivateHost, leadsToPrivate } from "./private_address.ts";

/** What keeps a page to where it was configured to be. */
export interface PageGuard {
  /** It wanted to go to another site, as to one to log in at; it did not. */
  readonly wasLedAway: () => boolean;
}

/** Held inside of the browser; nobody is asked for them. */
const INLINE: readonly string[] = ["data:", "blob:", "about:"];
const CANCEL = { response: "CancelAuth" } as const;

/**
 * Refuses what a page is not here for: to go to another site, and to ask machines of our own networks
 * for anything. A page that is on such a machine asks that one alone of them. Tells the proxy, and
 * nobody else, the name and password of its URL.
 */
export async function guardPage(
  page: Page,
  { url, way: { isProxied, credentials } }: { readonly url: string; readonly way: PageProxy },
): Promise<PageGuard> {
  const home = new URL(url);
  let wasLedAway = false;
  const known = new Map<string, Promise<boolean>>();

  function isPrivate(host: string): Promise<boolean> {
    // Only the proxy knows where it takes a name to.
    const found = known.get(host) ??
      (isProxied ? Promise.resolve(isPrivateHost(host)) : leadsToPrivate(host));
    known.set(host, found);
    return found;
  }

  /** Why the browser shall say that it failed; undefined for what may be asked. */
  async function refusal(
    { request, resourceType, frameId }: Protocol.Fetch.RequestPausedEvent,
  ): Promise<Protocol.Network.ErrorReason | undefined> {
    const asked = new URL(request.url);
    if (asked.origin === home.origin || INLINE.includes(asked.protocol)) return undefined;
    if (resourceType === "Document" && frameId === mainFrame) {
      if (isUpgrade(home, asked)) return undefined;
      wasLedAway = true;
      // The page that leads there stays as it is.
      return "Aborted";
    }
    const isWeb = /^https?:$/.test(asked.protocol);
    return isWeb && !await isPrivate(asked.hostname) ? undefined : "BlockedByClient";
  }

  async function judge(session: CDPSession, paused: Protocol.Fetch.RequestPausedEvent) {
    const { requestId } = paused;
    const errorReason = await refusal(paused);
    if (errorReason === undefined) await session.send("Fetch.continueRequest", { requestId });
    else await session.send("Fetch.failRequest", { requestId, errorReason });
  }

  async function watch(session: CDPSession): Promise<void> {
    session.on("Fetch.requestPaused", (paused) => void judge(session, paused).catch(() => {}));
    session.on("Fetch.authRequired", ({ requestId, authChallenge: { source } }) => {
      const known = source === "Proxy" ? credentials : undefined;
      const answer = known === undefined
        ? CANCEL
        : { response: "ProvideCredentials" as const, ...known };
      const reply = { requestId, authChallengeResponse: answer };
      void session.send("Fetch.continueWithAuth", reply).catch(() => {});
    });
    // Frames of other sites and workers ask by themselves.
    session.on("sessionattached", (child) => {
      void watch(child).catch(() => {})
        .then(() => child.send("Runtime.runIfWaitingForDebugger")).catch(() => {});
    });
    await session.send("Target.setAutoAttach", {
      ...{ autoAttach: true, waitForDebuggerOnStart: true, flatten: true },
    }).catch(() => {});
    await session.send("Fetch.enable", { handleAuthRequests: credentials !== undefined });
  }

  const session = await page.createCDPSession();
  const mainFrame = (await session.send("Page.getFrameTree")).frameTree.frame.id;
  await page.setBypassServiceWorker(true);
  // Another window would ask by itself, too; no table is drawn in one.
  page.on("popup", (popup) => void popup?.close().catch(() => {}));
  await watch(session);
  return { wasLedAway: () => wasLedAway };
}

/** The same host over TLS. */
function isUpgrade(home: URL, asked: URL): boolean {
  return home.protocol === "http:" && asked.protocol === "https:" &&
    home.hostname === asked.hostname && home.port === "" && asked.port === "";
}
