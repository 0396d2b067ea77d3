/** The results of work that runs side by side, after all of it has ended; then the first failure is thrown. */
export async function allEnded<T>(work: Iterable<Promise<T>>): Promise<T[]> {
  const ended = await Promise.allSettled(work);
  return ended.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}
