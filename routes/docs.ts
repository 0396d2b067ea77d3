import type { AppSettings } from "./app_deps.ts";
import type { App } from "./endpoint.ts";
import { answer } from "./envelope.ts";
import { describeCodes } from "./error_codes.ts";
import { DOCS_INLINE, docsPage } from "./docs_page.ts";
import { inlinePolicy } from "./inline_policy.ts";

const POLICY = inlinePolicy(DOCS_INLINE);

/** `/openapi.json` and the page that shows it. Add them last: the document holds the routes before. */
export function addDocs(app: App, { version, simulated }: AppSettings): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description:
      "The operator's token, printed at the first start and kept in DATA_DIR/admin-token",
  });
  const label = simulated ? " THIS INSTALLATION SHOWS SIMULATED CANDLES, made up for a demo." : "";
  const document = JSON.stringify(app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Chandlery",
      version,
      description:
        "Candles of exchanges, kept for ever and served. Times of market data are epoch " +
        `milliseconds, other times ISO 8601 in UTC; both are accepted everywhere.${label}` +
        `\n\nCodes of failures:\n\n${describeCodes()}`,
    },
    servers: [{ url: "/" }],
  }));

  const page = docsPage({ simulated });

  app.get("/openapi.json", (c) => {
    c.set("shared", true);
    return answer(c, document, { headers: { "content-type": "application/json" } });
  });
  app.get("/docs", (c) =>
    answer(c, page, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": POLICY,
      },
    }));
  app.get("/", (c) => answer(c, null, { status: 302, headers: { location: "/docs" } }));
}
