import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { type MetricFamily, metricsText, stateSamples } from "@/routes/metrics_text.ts";
import { parseMetrics } from "@/tests/support/metrics_parser.ts";

const family: MetricFamily = {
  ...{ name: "a_total", help: "What\nit \\ is.", type: "counter" },
  samples: [
    { value: 1.5 },
    { labels: { path: 'C:\\x "y"\nz', state: "" }, value: 2e21 },
  ],
};

Deno.test("metrics text: is written as the format's own page has it", () => {
  equal(
    metricsText([family]),
    "# HELP a_total What\\nit \\\\ is.\n" +
      "# TYPE a_total counter\n" +
      "a_total 1.5\n" +
      'a_total{path="C:\\\\x \\"y\\"\\nz",state=""} 2e+21\n',
  );
});

Deno.test("metrics text: a family without samples is announced all the same", () => {
  equal(metricsText([{ ...family, samples: [] }]).split("\n").length, 3);
  equal(metricsText([]), "");
});

Deno.test("metrics text: values that are no numbers have their own words", () => {
  const samples = [NaN, Infinity, -Infinity].map((value, i) => ({
    ...{ labels: { i: String(i) }, value },
  }));
  const lines = metricsText([{ ...family, type: "gauge", samples }]).trim().split("\n").slice(2);
  deepEqual(lines.map((line) => line.split(" ")[1]), ["NaN", "+Inf", "-Inf"]);
});

for (const name of ["", "1a", "a-b", "a b", "é", 'a"']) {
  Deno.test(`metrics text: "${name}" is refused as a name of a metric and of a label`, () => {
    throws(() => metricsText([{ ...family, name }]), TypeError);
    const samples = [{ labels: { [name]: "x" }, value: 1 }];
    throws(() => metricsText([{ ...family, samples }]), TypeError);
  });
}

Deno.test("metrics text: names that Prometheus keeps for itself are refused as labels", () => {
  throws(() => metricsText([{ ...family, samples: [{ labels: { __name__: "x" }, value: 1 }] }]));
});

Deno.test("metrics text: any labels, help and values are read back as they were", () => {
  const text = fc.string({ unit: "binary" });
  const label = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/);
  const sample = fc.record({ labels: fc.dictionary(label, text), value: fc.double() });
  fc.assert(fc.property(text, fc.array(sample, { maxLength: 5 }), (help, given) => {
    // No two samples of a family may have the same labels.
    const samples = given.map((one, i) => ({ ...one, labels: { ...one.labels, nth: String(i) } }));
    const [read] = parseMetrics(metricsText([{ name: "a", help, type: "gauge", samples }]));
    equal(read?.help, help.replaceAll("\r", " "));
    deepEqual(
      read?.samples.map(({ labels, value }) => ({ labels: { ...labels }, value: value + 0 })),
      samples.map(({ labels, value }) => ({
        labels: Object.fromEntries(
          Object.entries(labels).map(([name, inner]) => [name, inner.toWellFormed()]),
        ),
        value: value + 0,
      })),
    );
  }));
});

Deno.test("metrics text: of states, the one that holds is 1", () => {
  deepEqual(stateSamples({ source: "a" }, ["on", "off"], "off"), [
    { labels: { source: "a", state: "on" }, value: 0 },
    { labels: { source: "a", state: "off" }, value: 1 },
  ]);
});

const HEAD = "# HELP a A.\n# TYPE a gauge\n";

for (
  const [title, text] of [
    ["a sample of nobody", "a 1\n"],
    ["a type without help", "# TYPE a gauge\na 1\n"],
    ["a family twice", `${HEAD}${HEAD}`],
    ["a sample of another family", `${HEAD}b 1\n`],
    ["a sample twice", `${HEAD}a{x="1",y="2"} 1\na{y="2",x="1"} 2\n`],
    ["a line that does not end", `${HEAD}a 1`],
    ["an open quote", `${HEAD}a{x="1} 1\n`],
    ["a bare quote", `${HEAD}a{x="1"2"} 1\n`],
    ["an unknown escape", `${HEAD}a{x="\\t"} 1\n`],
    ["no value", `${HEAD}a \n`],
    ["a word as a value", `${HEAD}a one\n`],
    ["a counter that is not called one", "# HELP a A.\n# TYPE a counter\na 1\n"],
    ["a histogram without bounds", "# HELP a A.\n# TYPE a histogram\na_count 1\na_sum 1\n"],
    [
      "a histogram that falls",
      '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
  ] as const
) {
  Deno.test(`metrics parser: a check that finds nothing would be none: it finds ${title}`, () => {
    throws(() => parseMetrics(text));
  });
}
