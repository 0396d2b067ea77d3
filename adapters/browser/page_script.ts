import { z } from "zod";

/** What of a page is looked for, as CSS selectors. */
export interface TableSelectors {
  readonly rows: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly empty?: string | undefined;
  readonly login?: string | undefined;
}

/** Who looks at a page sees the same text; a table that is not shown has its text all the same. */
const TEXT = `(element) => (element.innerText ?? element.textContent ?? "").trim()`;

/** The first of these that the browser does not understand; undefined when it understands all. */
export function findBadSelector(selectors: readonly string[]): string {
  return `(() => {
  const nowhere = document.createDocumentFragment();
  return ${JSON.stringify(selectors)}.find((selector) => {
    try { nowhere.querySelector(selector); return false; } catch { return true; }
  });
})()`;
}

export const tableProgress = z.object({
  /** Changes while rows are being drawn. */
  drawn: z.string(),
  rows: z.int(),
  isEmpty: z.boolean(),
  login: z.boolean(),
  /** It holds a field for a password. */
  password: z.boolean(),
  /** All that was sent is there; scripts and pictures may go on. */
  parsed: z.boolean(),
  url: z.string(),
});

export type TableProgress = z.infer<typeof tableProgress>;

/** How far the page has come; read by {@linkcode tableProgress}. */
export function watchTable({ rows, empty, login }: TableSelectors): string {
  return `(() => {
  const has = (selector) => selector !== null && document.querySelector(selector) !== null;
  const rows = [...document.querySelectorAll(${JSON.stringify(rows)})];
  return {
    drawn: rows.length + " " + rows.reduce((sum, row) => sum + row.textContent.length, 0),
    rows: rows.length,
    isEmpty: has(${JSON.stringify(empty ?? null)}),
    login: has(${JSON.stringify(login ?? null)}),
    password: has("input[type=password]"),
    parsed: document.readyState !== "loading",
    url: location.href,
  };
})()`;
}

export const tableContent = z.union([
  z.object({ tooLarge: z.literal(true) }),
  z.object({
    tooLarge: z.literal(false),
    rows: z.array(z.record(z.string(), z.string().nullable())),
    html: z.string(),
  }),
]);

/** Everything at one moment; read by {@linkcode tableContent}. */
export function readTable(
  { rows, columns }: TableSelectors,
  { maxChars, maxRows }: { readonly maxChars: number; readonly maxRows: number },
): string {
  return `(() => {
  const text = ${TEXT};
  const html = document.documentElement?.outerHTML ?? "";
  const rows = [...document.querySelectorAll(${JSON.stringify(rows)})];
  if (html.length > ${maxChars} || rows.length > ${maxRows}) return { tooLarge: true };
  const columns = ${JSON.stringify(Object.entries(columns))};
  const cell = (row, selector) => {
    const element = row.querySelector(selector);
    return element === null ? null : text(element);
  };
  return {
    tooLarge: false,
    rows: rows.map((row) =>
      Object.fromEntries(columns.map(([name, selector]) => [name, cell(row, selector)]))),
    html,
  };
})()`;
}
