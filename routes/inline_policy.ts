import { createHash } from "node:crypto";

/**
 * A Content-Security-Policy for a page that holds its style and its script itself: it loads nothing,
 * runs nothing else, and asks nobody but us.
 */
export function inlinePolicy(
  { style, script, forms }: {
    readonly style: string;
    readonly script: string;
    /** Its forms go to us; without it they go nowhere. */
    readonly forms?: true;
  },
): string {
  return [
    "default-src 'none'",
    `style-src '${hashSource(style)}'`,
    `script-src '${hashSource(script)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action ${forms === true ? "'self'" : "'none'"}`,
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashSource(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
