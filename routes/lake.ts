import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { namingDamage } from "@/domain/damaged_file.ts";
import { Refusal } from "@/domain/decider.ts";
import { type LakeFile, lakeManifest } from "@/domain/klines/lake_manifest.ts";
import { lakeFolder } from "@/domain/klines/series_ref.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { type AppContext, success } from "./envelope.ts";
import { answerFile } from "./lake_file.ts";
import { folderWire, manifestWire } from "./lake_wire.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { binaryBody } from "./media.ts";

type Deps =
  & Pick<AppDeps, "lakeFiles" | "blobRanges" | "projections" | "settings">
  & { readonly directory: SeriesDirectory };

const PARQUET = "application/vnd.apache.parquet";
const tag = "Lake";
const PARAMS = {
  exchange: "Venue, e.g. `binance`",
  pair: "Symbol as a folder, e.g. `BTC-USDT`",
  interval: "Interval as a folder: `1m`; `1mo` for months",
} as const;
const FOLDERS = ["exchange", "pair", "interval"] as const;

/** `/lake`: the period files as they are, for readers that ask for ranges of bytes. */
export function addLakeRoutes(router: Router, deps: Deps): void {
  const { lakeFiles, blobRanges, directory, settings } = deps;
  const isPrivate = settings.marketData === "private";
  // Readers add parameters of their own against caches.
  const free = { query: z.strictObject({}), anyQuery: true } as const;
  const market = { ...free, method: "get", access: "market", tag, body: undefined } as const;
  const manifest = rememberManifest(deps);

  endpoint(router, {
    ...{ ...market, path: "/lake/manifest.json" },
    summary: "All files of the lake with their rows, bounds and SHA-256",
    answer: { status: 200, description: "As on disk, without envelope", bare: manifestWire },
  }, async (c) => {
    const { bytes, sha256 } = await manifest();
    return await answerFile(c, {
      ...{ type: "application/json", sizeBytes: bytes.length, sha256, isPrivate },
      open: (from, to) => Promise.resolve(new Blob([bytes.subarray(from, to)]).stream()),
    });
  });

  for (let depth = 0; depth <= FOLDERS.length; depth++) {
    const names = FOLDERS.slice(0, depth);
    endpoint(router, {
      ...{ ...market, path: ["/lake", ...names.map((name) => `{${name}}`)].join("/") },
      params: Object.fromEntries(names.map((name) => [name, PARAMS[name]])),
      summary: "What a folder of the lake holds",
      answer: { status: 200, description: "By name", data: folderWire },
    }, async (c) => success(c, await listFolder(c, names.map((name) => c.req.param(name) ?? ""))));
  }

  endpoint(router, {
    ...{ ...market, path: "/lake/{exchange}/{pair}/{interval}/revisions" },
    params: { exchange: PARAMS.exchange, pair: PARAMS.pair, interval: PARAMS.interval },
    summary: "The files of candles that were superseded or removed",
    answer: { status: 200, description: "By name", data: folderWire },
  }, async (c) => success(c, await listRevisions(c)));

  for (
    const [path, summary, ending] of [
      ["/lake/{exchange}/{pair}/{interval}/{file}", "A period's candles as Parquet", ".parquet"],
      [
        "/lake/{exchange}/{pair}/{interval}/revisions/{file}",
        "Candles of a period that were superseded or removed",
        ".revisions.parquet",
      ],
    ] as const
  ) {
    endpoint(router, {
      ...{ ...market, path, summary },
      params: { ...PARAMS, file: `Period and \`${ending}\`, e.g. \`2020-03${ending}\`` },
      description: "HEAD, Range (206, 416), If-Range, If-Match (412) and If-None-Match (304) as " +
        "in RFC 9110; the ETag is the SHA-256.",
      answer: {
        status: 200,
        description: "The file",
        types: { [PARQUET]: binaryBody("All columns of the candles") },
      },
      failures: [412, 416],
    }, async (c) => {
      const { sha256, sizeBytes, ...place } = await findFile(c, ending);
      return await answerFile(c, {
        ...{ type: PARQUET, sizeBytes, sha256, isPrivate },
        open: (from, to) =>
          blobRanges.open(sha256, from, to).catch((error: unknown) => {
            throw namingDamage(error, place);
          }),
      });
    });
  }

  /** No part of a path ever becomes a path: it is looked up. */
  async function findFile(c: AppContext, ending: string) {
    const [id, file] = [FOLDERS.map((name) => c.req.param(name)).join("."), c.req.param("file")];
    const period = file?.endsWith(ending) === true ? file.slice(0, -ending.length) : "";
    const named = /^[0-9a-z-]{1,20}$/.test(period) && /^[\w.-]+$/.test(id);
    const whole = named ? await lakeFiles.find(id, period) : undefined;
    const found = ending === ".parquet" ? whole : whole?.revisions ?? undefined;
    if (whole !== undefined && found !== undefined) {
      const { seriesId, period } = whole;
      return { ...found, seriesId, period };
    }
    throw new Refusal(
      "not_found",
      `Cannot find ${c.req.path}: /lake/manifest.json lists all files`,
    );
  }

  async function listRevisions(c: AppContext) {
    const path = FOLDERS.map((name) => c.req.param(name) ?? "");
    const files = (await lakeFiles.list([path.join(".")])).filter(hasRevisions);
    if (files.length === 0) {
      throw new Refusal("not_found", `Cannot find ${c.req.path}: no file of the lake lies there`);
    }
    const folder = [...path, "revisions"].join("/");
    const base = `${originOf(c, settings.trustProxy)}/lake/${folder}`;
    return {
      ...{ path: `${folder}/`, folders: [] },
      files: files.map(({ period, revisions: { sha256, sizeBytes: bytes } }) => ({
        name: `${period}.revisions.parquet`,
        url: `${base}/${period}.revisions.parquet`,
        ...{ rows: null, bytes, sha256, first_open_time: null, last_open_time: null },
      })),
    };
  }

  async function listFolder(c: AppContext, path: readonly string[]) {
    const filed = (await directory.list()).filter(({ coldMonths }) => coldMonths > 0);
    const below = filed.map((view) => ({ id: view.id, parts: lakeFolder(view).split("/") }))
      .filter(({ parts }) => path.every((name, i) => parts[i] === name));
    if (below.length === 0 && path.length > 0) {
      throw new Refusal("not_found", `Cannot find ${c.req.path}: no file of the lake lies there`);
    }
    const base = `${originOf(c, settings.trustProxy)}/${["lake", ...path].join("/")}`;
    const names = new Set(below.flatMap(({ parts }) => parts[path.length] ?? []));
    const whole = path.length === FOLDERS.length;
    const files = whole ? await lakeFiles.list(below.map(({ id }) => id)) : [];
    if (files.some(hasRevisions)) names.add("revisions");
    return {
      path: path.map((name) => `${name}/`).join(""),
      folders: [...names].toSorted().map((name) => ({ name, url: `${base}/${name}/` })),
      files: files.map(({ period, rows, sizeBytes: bytes, sha256, ...file }) => ({
        ...{ name: `${period}.parquet`, url: `${base}/${period}.parquet`, rows, bytes, sha256 },
        ...{ first_open_time: file.firstOpenTime, last_open_time: file.lastOpenTime },
      })),
    };
  }
}

type Revised = LakeFile & { readonly revisions: NonNullable<LakeFile["revisions"]> };

function hasRevisions(file: LakeFile): file is Revised {
  return file.revisions !== null;
}

interface Manifest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

/** Made anew only when reads may answer differently. */
function rememberManifest({ lakeFiles, projections }: Deps): () => Promise<Manifest> {
  let known: { readonly revision: number; readonly made: Promise<Manifest> } | undefined;

  async function make(): Promise<Manifest> {
    const bytes = new TextEncoder().encode(lakeManifest(await lakeFiles.list()));
    return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  return () => {
    const revision = projections.revision();
    if (known?.revision === revision) return known.made;
    const mine = { revision, made: make() };
    known = mine;
    mine.made.catch(() => {
      if (known === mine) known = undefined;
    });
    return mine.made;
  };
}

/** Where the caller reached us: a proxy that is trusted says by which scheme. */
function originOf(c: AppContext, trustProxy: number): string {
  const { host, protocol } = new URL(c.req.url);
  const scheme = trustProxy > 0 ? c.req.header("x-forwarded-proto") : undefined;
  return `${scheme === "https" ? "https:" : protocol}//${host}`;
}
