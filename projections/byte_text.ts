import { customType } from "drizzle-orm/pg-core";

/** Text that compares as bytes: the same order in every database, and faster in an index. */
export const byteText = customType<{ data: string }>({ dataType: () => `text collate "C"` });
