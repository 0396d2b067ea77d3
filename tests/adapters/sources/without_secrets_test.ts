import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { withoutSecrets } from "@/adapters/sources/without_secrets.ts";

const CASES: readonly [text: string, clean: string][] = [
  ["said abc-123-xyz twice: abc-123-xyz", "said [removed] twice: [removed]"],
  ['{"access_token":"q1w2","price":"12"}', '{"access_token":"[removed]","price":"12"}'],
  ['{"cookie":{"PHPSESSID":"00ff"}}', '{"cookie":{"PHPSESSID":"[removed]"}}'],
  ["Set-Cookie=PHPSESSID=00ff; path=/", "Set-Cookie=[removed]; path=/"],
  ["/api?token=q1w2&date=1", "/api?token=[removed]&date=1"],
  ["my-api-key = 'q1w2'", "my-api-key = '[removed]'"],
  ['{"password":"a\\"b"}', '{"password":"[removed]"}'],
  ["价格 12, 涨跌 -3", "价格 12, 涨跌 -3"],
];

Deno.test("secrets: known ones and whatever is named like one are removed, the rest stays", () => {
  for (const [text, clean] of CASES) equal(withoutSecrets(text, ["abc-123-xyz"]), clean);
});

Deno.test("secrets: a cookie's values and a bearer's token are removed on their own, too", () => {
  const secrets = ["PHPSESSID=0123456789; remember=abcdefgh", "Bearer tok-31415926"];
  equal(
    withoutSecrets("<p>0123456789</p><p>abcdefgh</p><p>tok-31415926</p>", secrets),
    "<p>[removed]</p><p>[removed]</p><p>[removed]</p>",
  );
});

Deno.test("secrets: a session that is a long number is removed, a short one is left", () => {
  equal(
    withoutSecrets("x 1234567890123456 y 2024", ["JSESSIONID=1234567890123456; sid=2024"]),
    "x [removed] y 2024",
  );
});

Deno.test("secrets: what a cookie says beside them is left where it stands", () => {
  const cookie =
    "isLogin=true; lang=zh-CN; side=long; theme=dark; uid=20260908; at=1757312345678; " +
    "auth=false; PHPSESSID=00ff11aa; remember=short; id=a-long-one-2718281828";
  const answer = '{"success":true,"side":"long","day":20260908,"at":1757312345678,"ok":false,' +
    '"theme":"dark","lang":"zh-CN"}';
  equal(withoutSecrets(answer, [cookie]), answer);
  equal(
    withoutSecrets('["00ff11aa","short","a-long-one-2718281828"]', [cookie]),
    '["[removed]","[removed]","[removed]"]',
  );
});

Deno.test("secrets: none is left in any text, URL or JSON that it was put into", () => {
  const secrets = fc.stringMatching(/^[\w+/=." -]{6,30}$/).filter((secret) =>
    secret.trim() === secret && !"[removed]".includes(secret)
  );
  fc.assert(fc.property(secrets, fc.string(), (secret, around) => {
    const texts = [
      `${around}${secret}${around}`,
      `https://x.example/?a=${encodeURIComponent(secret)}`,
      JSON.stringify({ said: secret }),
    ];
    for (const text of texts) {
      const clean = withoutSecrets(text, [secret]);
      ok(!clean.includes(secret), clean);
      ok(!clean.includes(encodeURIComponent(secret)), clean);
    }
  }));
});

Deno.test("secrets: are looked for in long answers of any kind without delay", () => {
  const words = ["a-", "token", '"token', "token ", "cookie=", '"secret":"\\\\', "sess-id-", "="];
  const started = performance.now();
  for (const word of words) {
    const text = word.repeat(400_000 / word.length);
    ok(withoutSecrets(`${text} token=hidden-one`, ["hidden-one"]).endsWith("[removed]"));
  }
  const long = 'x\\"'.repeat(1_000_000);
  equal(withoutSecrets(`{"token":"${long}"}`, []), '{"token":"[removed]"}');
  // Milliseconds; a search that tries every beginning with every end takes minutes.
  ok(performance.now() - started < 30_000);
});
