/** The outcome of some work, or the error of `late` when it takes longer; the work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of some work, however it ends, but no longer than this. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  await within(ms, work, () => new Error("late")).catch(() => {});
}
