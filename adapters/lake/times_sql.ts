const DIGITS = "[0-9]{9,17}";

const CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?";

const DATE = `[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]${CLOCK}Z?)?`;

/**
 * Epoch ms of a text that is a plain time: digits whose unit is told by their magnitude, or a date
 * with or without a UTC time. Null for every other text, which domain/klines/time.ts then reads.
 */
export function timeSql(text: string): string {
  return `case when regexp_full_match(${text}, '${DIGITS}')
      then ${epochMsSql(`try_cast(${text} as bigint)`)}
    when regexp_full_match(${text}, '${DATE}') then epoch_ms(try_cast(${text} as timestamp)) end`;
}

/** Epoch ms of an integer time in s, ms or µs: its magnitude tells which. */
export function epochMsSql(number: string): string {
  return `case when ${number} > 100000000000000 then ${number} // 1000
      when ${number} > 100000000000 then ${number}
      else ${number} * 1000 end`;
}
