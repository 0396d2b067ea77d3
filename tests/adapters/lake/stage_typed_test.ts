import assert from "node:assert/strict";
import fc from "fast-check";
import { decimalScale } from "@/domain/klines/decimal.ts";
import { validateBatch } from "@/domain/klines/validate.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import { csvLayout } from "@/adapters/lake/csv_layout.ts";
import { scanCsv } from "@/adapters/lake/scan_csv.ts";
import { accepted, minute, NOW, withLake } from "./lake_fixture.ts";

/** Written in more ways than one, but never in a way that the engine's own reader gets wrong. */
const plainNumber = fc.tuple(fc.nat(2_000_000), fc.nat(8), fc.constantFrom("", "0", "00")).map(
  ([mantissa, decimals, zeros]) => {
    const digits = String(mantissa).padStart(decimals + 1, "0");
    const whole = zeros + digits.slice(0, digits.length - decimals);
    return decimals === 0 ? whole : `${whole}.${digits.slice(digits.length - decimals)}`;
  },
);

/** The same minutes again and again, in all three units, some of them far away or still open. */
const plainTime = fc.tuple(fc.nat(12), fc.constantFrom(1 / 1000, 1, 1000), fc.nat(30)).map(
  ([n, unit, rare]) => {
    const ms = rare === 0 ? NOW - 30_000 : rare === 1 ? Date.UTC(1999) : minute(n);
    return String(Math.floor(ms * unit));
  },
);

const detail = fc.oneof(fc.constant(""), plainNumber);

/** Prices that nearly always belong together. */
const plainRow = fc.tuple(
  plainTime,
  fc.array(plainNumber, { minLength: 5, maxLength: 5 }),
  fc.nat(9),
)
  .chain(([time, prices, rare]) => {
    const sorted = [...prices.slice(0, 4)].sort((a, b) => Number(a) - Number(b));
    const [low = "0", open = "0", close = "0", high = "0"] = rare === 0 ? prices : sorted;
    return fc.tuple(detail, fc.oneof(fc.constant(""), fc.nat().map(String)), detail, detail).map(
      ([quote, trades, takerBase, takerQuote]) => [
        ...[time, open, high, low, close, prices[4] ?? "0", "", quote, trades, takerBase],
        takerQuote,
      ],
    );
  });

const plain = (
  n: number,
) => [String(minute(n)), "10", "12.5", "9", "11", "3", ...Array(5).fill("")];
const [CLEAN, CLEAN_TOO] = [plain(1), plain(2)];

Deno.test("staging takes files of plain rows as the domain's rule does, with the decimals they need", () =>
  withLake(async ({ file, stage }) => {
    let clean = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(plainRow, { minLength: 1, maxLength: 12 }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.boolean(),
        async (files, newlineAtEnd) => {
          const inputs = await Promise.all(files.map((rows) => {
            const lines = [KLINE_COLUMNS.join(","), ...rows.map((row) => row.join(","))];
            return file(lines.join("\n") + (newlineAtEnd ? "\n" : ""));
          }));
          const batch = await stage(inputs);
          const expected = validateBatch(files.flat(), { interval: "1m", now: NOW });
          assert.deepEqual(
            batch.rejected.map(({ row, reason }) => ({ row, reason })),
            expected.rejected,
          );
          assert.deepEqual(await accepted(batch), expected.candles);
          assert.equal(batch.rows, files.flat().length);
          if (expected.rejected.length === 0) clean++;
          if (expected.candles.length > 0) {
            const { candles } = expected;
            const most = (values: (string | null)[]) =>
              Math.max(...values.map((value) => decimalScale(value ?? "0")));
            assert.deepEqual(batch.scale, {
              price: most(
                candles.flatMap(({ open, high, low, close }) => [open, high, low, close]),
              ),
              volume: most(candles.flatMap((c) => [c.volume, c.takerBuyVolume])),
              quote: most(candles.flatMap((c) => [c.quoteVolume, c.takerBuyQuoteVolume])),
            });
          }
          await batch.drop();
        },
      ),
      // What the draw seldom gives, and the fast way is for: nothing to turn away.
      { numRuns: 60, examples: [[[[CLEAN]], true], [[[CLEAN], [CLEAN_TOO]], false]] },
    );
    assert.ok(clean >= 2, "the fast way was not taken");
  }));

const type = { width: 18, scale: 8 } as const;
const HEADER = "open_time,open,high,low,close,volume";
const LINE = "1714521600000,10,12.50,9.5,11,3.25";

async function scanned(text: string) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    const layout = csvLayout(text);
    const started = layout && await scanCsv(path, layout, type);
    return await started?.finish(AbortSignal.timeout(10_000));
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a scan of a plain file tells its decimals, bounds and order", async () => {
  const second = LINE.replace("600000", "660000").replace("3.25", "0.00000100");
  for (const text of [`${HEADER}\n${LINE}\n${second}`, `${LINE}\n${second}\n`]) {
    assert.deepEqual(await scanned(text), {
      decimals: [0, 0, 1, 1, 0, 6, 0, 0, 0, 0, 0],
      increasing: true,
      firstOpenTime: 1714521600000,
      lastOpenTime: 1714521660000,
    });
  }
  assert.equal((await scanned(`${LINE}\n${LINE}\n`))?.increasing, false);
});

Deno.test("a scan of more than one piece sees lines that lie across two", async () => {
  const lines = Array.from({ length: 20_000 }, (_, n) => LINE.replace(/^\d+/, String(minute(n))));
  const found = await scanned([HEADER, ...lines].join("\n"));
  assert.equal(found?.increasing, true);
  assert.equal(found?.lastOpenTime, minute(19_999));
});

const NOT_PLAIN: Readonly<Record<string, string>> = {
  "an exponent": "1e5",
  "a sign": "-1",
  "a space": " 1",
  "no digit before the point": ".5",
  "no digit after it": "5.",
  "two points": "1.2.3",
  "nothing": "",
  "a quote": '"1"',
  "more decimals than the type has": "0.123456789",
  "more digits than the type has": "12345678901",
  "a letter": "x",
};

for (const [what, value] of Object.entries(NOT_PLAIN)) {
  Deno.test(`a scan gives up a file with ${what} for a price`, async () => {
    const bad = LINE.replace("12.50", value);
    for (const lines of [[bad, LINE], [LINE, bad]]) {
      assert.equal(await scanned([HEADER, ...lines].join("\n")), undefined);
    }
  });
}

for (const bad of ["\n", `${LINE},1\n`, "1714521600000,10\n", `${LINE}\r\n`, "171452160,1\n"]) {
  Deno.test(`a scan gives up a file with the line ${JSON.stringify(bad)}`, async () => {
    assert.equal(await scanned(`${HEADER}\n${LINE}\n${bad}${LINE}\n`), undefined);
  });
}
