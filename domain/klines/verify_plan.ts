import { DAY_MS } from "./interval.ts";

/** The file of a filed period. */
export interface VerifiableFile {
  /** Orders the files of all series. */
  readonly key: string;
  readonly sizeBytes: number;
}

/** How far the last look at files has come. */
export interface VerifyRound {
  /** Key of the last file; null once it has seen all. */
  readonly through: string | null;
  /** Epoch ms. */
  readonly at: number;
}

export interface VerifyPolicy {
  /** Epoch ms. */
  readonly now: number;
  readonly round: VerifyRound | undefined;
  /** Keys of files that were damaged when they were last read, or look like it. */
  readonly damaged: ReadonlySet<string>;
  /** Somebody asked for these files: all of them are read, and the round stays where it is. */
  readonly asked: boolean;
}

export interface VerifyPlan<File> {
  readonly files: readonly File[];
  /** Where the round stands afterwards; undefined when it does not move. */
  readonly round: Pick<VerifyRound, "through"> | undefined;
}

/** Read by one run: seconds of a slow disk. */
export const VERIFIED_BYTES = 2_000_000_000;

/** Every file is read about once in that time. */
export const VERIFY_AGAIN_MS = 7 * DAY_MS;

/**
 * Which of the files, ascending by key, a run reads to the last byte: those held to be damaged and the
 * next ones of a round over all of them, which are the ones that were read the longest ago.
 */
export function planVerify<File extends VerifiableFile>(
  files: readonly File[],
  { now, round, damaged, asked }: VerifyPolicy,
): VerifyPlan<File> {
  if (asked) return { files, round: undefined };
  const known = files.filter(({ key }) => damaged.has(key));
  // An hour less, so that a nightly run is not a day late.
  const rests = round?.through === null && now - round.at < VERIFY_AGAIN_MS - DAY_MS / 24;
  if (rests || files.length === 0) return { files: known, round: undefined };
  const { through = null } = round ?? {};
  const waiting = through === null ? files : files.filter(({ key }) => key > through);
  const next: File[] = [];
  let room = VERIFIED_BYTES;
  for (const file of waiting) {
    if (next.length > 0 && file.sizeBytes > room) break;
    next.push(file);
    room -= file.sizeBytes;
  }
  const reached = next.length < waiting.length ? next.at(-1)?.key ?? null : null;
  const others = next.filter(({ key }) => !damaged.has(key));
  return { files: [...known, ...others], round: { through: reached } };
}
