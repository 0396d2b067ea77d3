/**
 * The one place where a value gets a type that the compiler cannot see. Only for values whose shape
 * is guaranteed elsewhere: rows of our own SQL, events that the store has parsed with their schema.
 */
export function trusted<T>(value: unknown): T {
  return value as T;
}
