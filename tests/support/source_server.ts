import type { Fetch } from "@/adapters/sources/source_http.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import type { SourceFault, SourceFaults, SourceRequestSeen } from "./source_faults.ts";
import { smallSamples, type SourceSamples } from "./source_samples.ts";

export interface SiteOptions {
  readonly samples?: SourceSamples;
  readonly faults?: SourceFaults;
}

/** All sites of the futures desk, each below a path of its name: `/openvlab/api/ctamap-all`. */
export interface SourceSites {
  /** Answers a request; a reset rejects, a hang lasts until the request is aborted. */
  readonly answer: (request: Request) => Promise<Response>;
  readonly requests: readonly SourceRequestSeen[];
  requestsOf(source: SourceName): readonly SourceRequestSeen[];
}

export interface SourceServer extends SourceSites {
  /** For `SOURCE_URLS`. */
  readonly urls: Readonly<Record<SourceName, string>>;
  close(): Promise<void>;
}

/** Without sockets: for many runs on a virtual clock. Pass {@linkcode fetchFrom} to the sources. */
export function createSites(
  { samples = smallSamples(), faults = () => undefined }: SiteOptions = {},
): SourceSites {
  const requests: SourceRequestSeen[] = [];

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, name, path = "/"] = /^\/([a-z0-9]+)(\/.*)?$/.exec(url.pathname) ?? [];
    const source = SOURCE_NAMES.find((one) => one === name);
    if (source === undefined) return new Response("no such site", { status: 404 });
    const seen: SourceRequestSeen = {
      source,
      path: decodeURIComponent(path),
      query: Object.fromEntries(url.searchParams),
      form: Object.fromEntries(new URLSearchParams(await request.text())),
      headers: request.headers,
      n: requests.length + 1,
      nOfSource: requests.filter((one) => one.source === source).length + 1,
    };
    requests.push(seen);
    const fault = faults(seen);
    const right = rightAnswer(seen, samples);
    if (fault === undefined || right === undefined) return right ?? notFound();
    return await spoiled(fault, { request, right, source, samples });
  }

  return {
    answer,
    requests,
    requestsOf: (source) => requests.filter((one) => one.source === source),
  };
}

/** The sources' way to the sites without a network. */
export function fetchFrom({ answer }: SourceSites): Fetch {
  return async (url, init) => {
    init.signal?.throwIfAborted();
    return await answer(new Request(url, init));
  };
}

/** Base URLs of sites that are asked without a network. */
export const SITE_URLS = urlsBelow("http://sites.test");

/** Behind a real socket on the loopback, where a reset cuts the connection. */
export function startSources(options: SiteOptions = {}): SourceServer {
  const sites = createSites(options);
  const life = new AbortController();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { url, method, headers } = request;
    const body = method === "POST" ? { body: await request.text() } : {};
    const copy = new Request(url, { method, headers, ...body, signal: life.signal });
    return await sites.answer(copy).catch(cutConnection);
  });
  return {
    ...sites,
    urls: urlsBelow(`http://127.0.0.1:${server.addr.port}`),
    async close() {
      life.abort();
      await server.shutdown();
    },
  };
}

function urlsBelow(base: string): Readonly<Record<SourceName, string>> {
  return {
    hzzhqx: `${base}/hzzhqx`,
    jiaoyikecha: `${base}/jiaoyikecha`,
    openvlab: `${base}/openvlab`,
    rongda: `${base}/rongda`,
    rongda2: `${base}/rongda2`,
    founderfu: `${base}/founderfu`,
    sina: `${base}/sina`,
  };
}

/** Promises more bytes than it sends, whereupon the connection breaks. */
function cutConnection(): Response {
  return new Response(new Blob(["{"]).stream(), { headers: { "content-length": "1000" } });
}

const PAGE = "text/html; charset=utf-8";

function notFound(): Response {
  return new Response("<html>not found</html>", { status: 404 });
}

function body(text: string, contentType = "application/json;charset=utf-8"): Response {
  return new Response(text, { headers: { "content-type": contentType } });
}

function rightAnswer(seen: SourceRequestSeen, samples: SourceSamples): Response | undefined {
  const { source, path, query, form } = seen;
  const text = textOf(seen, samples);
  if (text === undefined) return undefined;
  if (source === "rongda" || source === "rongda2") return body(text, PAGE);
  if (source === "sina") return body(text, "application/javascript");
  if (source === "hzzhqx" && seen.headers.get("zh-platform") !== "WEB") return undefined;
  const isForm = path.startsWith("/ajax/");
  if (isForm && !samples.shell.includes(`?v=${query.v}"`)) return undefined;
  if (path === "/ajax/variety_position.php" && !(form.variety && form.date)) return undefined;
  return body(text, path === "/" ? PAGE : undefined);
}

function textOf(
  { source, path, query }: SourceRequestSeen,
  samples: SourceSamples,
): string | undefined {
  switch (source) {
    case "hzzhqx":
      if (path === "/api/public/variety/list") return samples.varietyList || undefined;
      return path === "/api/report/overallView" ? samples.overallView : undefined;
    case "founderfu":
      return samples.ratings[query.openingtype ?? ""];
    case "sina":
      return samples.dailies[query.symbol ?? ""] ?? `var _${query.symbol}=(null);`;
    case "rongda":
    case "rongda2":
      return samples.page;
    case "jiaoyikecha": {
      if (path === "/") return samples.shell;
      const endpoint = /^\/ajax\/(\w+)\.php$/.exec(path)?.[1] ?? "";
      return endpoint === "session" ? samples.session : samples.jiaoyikecha[endpoint];
    }
    case "openvlab": {
      const [, place = "", code = ""] = /^\/api\/([\w-]+)(?:\/(\w+))?$/.exec(path) ?? [];
      if (place === "exchange-info") return samples.exchangeInfo || undefined;
      if (place === "ctamap-all") return samples.ctamap;
      if (place === "history-atmvol") return samples.atmvol;
      return place === "dto" ? samples.chains[code] : samples.surfaces[code];
    }
  }
}

interface Spoiling {
  readonly request: Request;
  readonly right: Response;
  readonly source: SourceName;
  readonly samples: SourceSamples;
}

async function spoiled(
  fault: SourceFault,
  { request, right, source, samples }: Spoiling,
): Promise<Response> {
  const text = await right.text();
  const again = (changed: string) => new Response(changed, { headers: right.headers });
  switch (fault.kind) {
    case "reset":
      throw new TypeError("connection reset");
    case "rate_limited":
      return new Response("too many", {
        status: 429,
        headers: fault.retryAfterS === undefined ? {} : { "retry-after": `${fault.retryAfterS}` },
      });
    case "server_error":
      return new Response("<html>bad gateway</html>", { status: fault.status ?? 502 });
    case "truncated":
      return again(text.slice(0, Math.floor(text.length / 2)));
    case "wrong_json":
      return again('{"hello":["world"]}');
    case "login_wall":
      return loginWall(source, samples);
    case "hang":
      return await new Promise((_, reject) => {
        const stop = () => reject(request.signal.reason);
        if (request.signal.aborted) stop();
        request.signal.addEventListener("abort", stop, { once: true });
      });
    case "schema_change":
      return again(renamed(text, source));
  }
}

/** Each site turns away in its own way. */
function loginWall(source: SourceName, samples: SourceSamples): Response {
  switch (source) {
    case "hzzhqx":
      return body('{"success":false,"result":null,"errCode":"401","errDesc":"请先登录"}');
    case "jiaoyikecha":
      return body(samples.loginWall);
    case "openvlab":
      return new Response(null, { status: 302, headers: { location: "/login?next=market" } });
    case "founderfu":
      return body('{"code":401,"msg":"token 已过期","data":null}');
    case "sina":
      return new Response("forbidden", { status: 403 });
    case "rongda":
    case "rongda2":
      return body('<form class="login"><input type="password"></form>', PAGE);
  }
}

/** Fields that a report cannot do without get another name. */
function renamed(text: string, source: SourceName): string {
  const fields = {
    hzzhqx: /"(varietyCode|variety_code)"/g,
    jiaoyikecha: /"(data|cookie)"|[?&]v=/g,
    openvlab: /"(prodUnd|exchange|exp|context|data)":/g,
    founderfu: /"(smallbreedscode|manyList)"/g,
    sina: /"(c)":/g,
    rongda: /class="(spread)"/g,
    rongda2: /class="(spread)"/g,
  }[source];
  return text.replace(fields, (field) => field.replace(/\w(?=\W*$)/, "$&New"));
}
