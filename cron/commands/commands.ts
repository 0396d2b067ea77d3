import { archive } from "./archive.ts";
import { blobs } from "./blobs.ts";
import type { Command } from "./command.ts";
import { crawl } from "./crawl.ts";
import { exportKlines } from "./export.ts";
import { importKlines } from "./import.ts";
import { job } from "./job.ts";
import { rebuild } from "./rebuild.ts";

/** Every command that ends by itself, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  crawl,
  importKlines,
  exportKlines,
  archive,
  rebuild,
  blobs,
  job,
];
