/** A page as a site answers it. */
export type PageAnswer = (request: Request) => Response | Promise<Response>;

export interface PageSite {
  readonly url: string;
  /** By path. */
  readonly pages: Map<string, PageAnswer>;
  readonly requests: readonly { readonly path: string; readonly headers: Headers }[];
  /** Answers nothing as long as the site is there. */
  hang(): Promise<Response>;
  close(): Promise<void>;
}

/** A site on the loopback whose pages a test writes. */
export function startSite(): PageSite {
  const pages = new Map<string, PageAnswer>();
  const requests: { path: string; headers: Headers }[] = [];
  const life = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = new URL(request.url).pathname;
    requests.push({ path, headers: request.headers });
    return pages.get(path)?.(request) ?? new Response("nothing here", { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    ...{ pages, requests },
    hang: () => life.promise.then(() => new Response()),
    async close() {
      life.resolve();
      await server.shutdown();
    },
  };
}

export function html(body: string, init: ResponseInit = {}): Response {
  const headers = { "content-type": "text/html; charset=utf-8", ...init.headers };
  return new Response(`<!doctype html><title>t</title>${body}`, { ...init, headers });
}
