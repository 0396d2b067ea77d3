import type { CommandSpec } from "./arguments.ts";

/** The service itself; `main.ts` runs it. */
export const serveSpec: CommandSpec = {
  name: "serve",
  summary: "crawl, keep and serve candles until stopped",
  positionals: [],
  options: { demo: { help: "simulated exchange, data in ./data-demo" } },
};
