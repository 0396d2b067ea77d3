import assert from "node:assert/strict";
import fc from "fast-check";
import { INTERVALS } from "@/domain/klines/interval.ts";
import { validateBatch } from "@/domain/klines/validate.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import { accepted, NOW, withLake } from "./lake_fixture.ts";

const PLAIN_NUMBERS = ["0", "1", "-1", "10", "9.5", "12", "100.25", "0.00000001", "-0.5", "7"];

const NASTY_NUMBERS = [
  ...[
    "",
    " ",
    "-",
    "+",
    ".",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "null",
    "abc",
    "1_000",
    "0x10",
    "1 2",
  ],
  ...[
    "1e-7",
    "1E5",
    "2.5e3",
    "1e400",
    "1e-30",
    "1e19",
    "1e20",
    " 5 ",
    "+5",
    ".5",
    "5.",
    "00012.50",
  ],
  ...["0.123456789012345678", "0.1234567890123456789", "0.12345678901234567800", "-0", "-0.0"],
  ...["12345678901234567890", "123456789012345678901", "99999999999999999999.999999999999999999"],
  ...[
    "9007199254740993",
    "1234567890.12345678",
    "12345678901.123456789",
    "1,5",
    '"1"',
    "１２",
    "1;2",
  ],
];

const PLAIN_TIMES = ["1714521600000", "1714521660000", "1714521720000", "1714521661234"];

const NASTY_TIMES = [
  ...["1714521600", "1714521600000000", "1714521600000000000", "1714521600.5", "1.7145216e12"],
  ...["2024-05-01", "2024-05-01 00:01:00", "2024-05-01T00:01", "2024-05-01T00:01:00Z"],
  ...["2024-05-01 00:01:00.123456", "2024-05-01T08:00:00+08:00", "2024-02-30", "2024-05-01 24:00"],
  ...["2024-05-01 00:00:00 UTC", "0", "1", "-1714521600000", "946684799999", "946684800000", "abc"],
  ...[
    "99999999999999999999",
    "100000000000",
    "100000000001",
    "253402300800000",
    "",
    " 1714521600000 ",
  ],
  ...[
    "1999-12-31 23:59:59",
    "2000-01-01",
    "2034-05-30",
    "2035-01-01",
    "1717200000000",
    "1717199940000",
  ],
];

const number = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PLAIN_NUMBERS) },
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_NUMBERS) },
  { weight: 1, arbitrary: fc.double().map(String) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }).map(fieldOf) },
);
const time = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...PLAIN_TIMES) },
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TIMES) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 500 }).map((n) => String(1714521600000 + n * 977)),
  },
);
const detail = fc.oneof({ weight: 3, arbitrary: fc.constant("") }, {
  weight: 2,
  arbitrary: number,
});
const closeTime = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fc.constantFrom("1714521659999", "1714521719999", "1714521650000") },
  { weight: 1, arbitrary: fc.constantFrom("1714521600000", "1714521599999", "1714521660000") },
  { weight: 1, arbitrary: time },
);
const count = fc.oneof(
  fc.constantFrom("", "5", "0", "1.0", "-1", "1.5", "9007199254740992"),
  number,
);

/** Rows that are often nearly valid: a likely candle with some fields replaced. */
const row = fc.tuple(
  time,
  number,
  number,
  number,
  number,
  number,
  closeTime,
  detail,
  count,
  detail,
  detail,
)
  .chain((odd) =>
    fc.tuple(
      fc.constantFrom(...PLAIN_TIMES, ...NASTY_TIMES),
      fc.subarray([...odd.keys()], { maxLength: 3 }),
    ).map(([openTime, replaced]) => {
      const likely = [openTime, "10", "12", "9.5", "11", "3.25", "", "40.5", "7", "1", "12.5"];
      return likely.map((value, at) => replaced.includes(at) ? odd[at] ?? "" : value);
    })
  );

function fieldOf(text: string): string {
  return text.replaceAll(/[,"\r\n\ufeff]/g, "");
}

function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

Deno.test("staging accepts and refuses rows exactly as the domain's rule does, row by row", () =>
  withLake(async ({ file, stage }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(...INTERVALS),
        async (rows, interval) => {
          const text = [KLINE_COLUMNS.join(","), ...rows.map((r) => r.map(quoted).join(","))];
          const batch = await stage([await file(text.join("\n"))], interval);
          const expected = validateBatch(rows, { interval, now: NOW });
          assert.deepEqual(
            batch.rejected.map(({ row, reason }) => ({ row, reason })),
            expected.rejected,
          );
          assert.deepEqual(await accepted(batch), expected.candles);
          assert.equal(batch.rows, rows.length);
          assert.equal(batch.accepted, expected.candles.length);
          assert.equal(batch.rejectedTotal, expected.rejected.length);
          assert.equal(batch.repeated, expected.repeated);
          await batch.drop();
        },
      ),
      { numRuns: 75 },
    );
  }));

Deno.test("staging agrees with the domain's rule for JSON rows, also where values are JSON's own", () =>
  withLake(async ({ file, stage }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const text = `{"columns":${JSON.stringify(KLINE_COLUMNS)},"rows":[${
          rows.map((r) => `[${r.map(jsonOf).join(",")}]`).join(",")
        }]}`;
        const batch = await stage([await file(text, "json")]);
        const expected = validateBatch(rows, { interval: "1m", now: NOW });
        assert.deepEqual(
          batch.rejected.map(({ row, reason }) => ({ row, reason })),
          expected.rejected,
        );
        assert.deepEqual(await accepted(batch), expected.candles);
        await batch.drop();
      }),
      { numRuns: 30 },
    );
  }));

/** Numbers as JSON numbers where they can be, missing ones as null. */
function jsonOf(text: string): string {
  if (text === "") return "null";
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? text : JSON.stringify(text);
}
