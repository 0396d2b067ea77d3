import { z } from "@hono/zod-openapi";
import type { Pagination } from "./envelope.ts";
import { countParam } from "./params.ts";

const MOST_PAGES = 1_000_000;

const count = z.int().min(0);

export const paginationWire = z.object({
  ...{ page: z.int().min(1), size: z.int().min(1), total: count, pages: count },
  ...{ has_next: z.boolean(), has_prev: z.boolean() },
}).openapi("Pagination");

interface PageParams {
  readonly page: z.ZodType<number, string | undefined>;
  readonly size: z.ZodType<number, string | undefined>;
}

/** `page` and `size` of a query. */
export function pageParams(
  { byDefault, max }: { readonly byDefault: number; readonly max: number },
): PageParams {
  return {
    page: countParam({ min: 1, max: MOST_PAGES, byDefault: 1, description: "From 1." }),
    size: countParam({ min: 1, max, byDefault, description: "Rows of a page." }),
  };
}

/** Where a page lies in a list of `total` rows. */
export function paginationOf(
  { page, size }: { readonly page: number; readonly size: number },
  total: number,
): Pagination {
  const pages = Math.ceil(total / size);
  return { page, size, total, pages, has_next: page < pages, has_prev: page > 1 };
}
