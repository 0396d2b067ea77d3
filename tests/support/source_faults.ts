import type { SourceErrorClass } from "@/domain/ports/source_error.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";

/** Something that goes wrong with one answer of a site. */
export type SourceFault =
  | { readonly kind: "reset" }
  | { readonly kind: "rate_limited"; readonly retryAfterS?: number }
  | { readonly kind: "server_error"; readonly status?: number }
  | { readonly kind: "truncated" }
  | { readonly kind: "wrong_json" }
  | { readonly kind: "login_wall" }
  /** Answers nothing until the asker gives up or the server closes. */
  | { readonly kind: "hang" }
  | { readonly kind: "schema_change" };

export interface SourceRequestSeen {
  readonly source: SourceName;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Headers;
  /** Counts the requests of all sources from 1, and those of this one. */
  readonly n: number;
  readonly nOfSource: number;
}

/** Asked for each request; undefined lets it pass. */
export type SourceFaults = (request: SourceRequestSeen) => SourceFault | undefined;

/** What a source has to call each fault; a hang ends as the time limit of whoever asks. */
export const FAULT_CLASSES: Readonly<Record<SourceFault["kind"], SourceErrorClass>> = {
  reset: "network",
  rate_limited: "rate_limited",
  server_error: "server",
  truncated: "network",
  wrong_json: "schema_changed",
  login_wall: "login_required",
  hang: "timeout",
  schema_change: "schema_changed",
};

export const ALL_FAULTS: readonly SourceFault[] = [
  { kind: "reset" },
  { kind: "rate_limited", retryAfterS: 7 },
  { kind: "server_error", status: 502 },
  { kind: "truncated" },
  { kind: "wrong_json" },
  { kind: "login_wall" },
  { kind: "hang" },
  { kind: "schema_change" },
];

/** The requests of one source fail in this order (`undefined` passes), all later ones pass. */
export function scriptedFaults(
  source: SourceName,
  script: readonly (SourceFault | undefined)[],
): SourceFaults {
  return (request) => request.source === source ? script[request.nOfSource - 1] : undefined;
}

/**
 * About one request in `every` fails; which and how follows from the seed and from the source and
 * number of the request alone, so that sources which are asked at once do not change each other.
 */
export function seededFaults(
  seed: number,
  { every, kinds = ALL_FAULTS }: {
    readonly every: number;
    readonly kinds?: readonly SourceFault[];
  },
): SourceFaults {
  return ({ source, nOfSource }) => {
    const draw = mixed(`${seed} ${source} ${nOfSource}`);
    if (draw % every !== 0) return undefined;
    return kinds[Math.floor(draw / every) % kinds.length];
  };
}

/** FNV-1a, its bits stirred once more: neighbouring numbers give unlike draws. */
function mixed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ hash >>> 16, 0x45d9f3b);
  return (hash ^ hash >>> 16) >>> 0;
}
