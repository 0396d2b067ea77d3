import { z } from "zod";
import type { FailedPart, MarketSource } from "@/domain/ports/market_source.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { askEach, partsOf } from "./ask_each.ts";
import {
  contractReports,
  type ContractValues,
  hasNothing,
  parseHoldings,
  parseLonghu,
  parseMainContracts,
  parseNiuxiong,
  parseRanking,
  parseVarieties,
  parseWarehouse,
} from "./jiaoyikecha_parse.ts";
import { openSession } from "./jiaoyikecha_session.ts";
import { readContract } from "./products.ts";
import { MOST_PICKED, readSelectors } from "./selectors.ts";
import { sourceAnswer } from "./source_answer.ts";
import { createSourceHttp } from "./source_http.ts";
import type { SourceReply } from "./source_reply.ts";
import type { SourceSettings } from "./source_settings.ts";

/**
 * `{"contracts":["rb2701"],"brokers":["国泰君安"]}`; without contracts the main one of each variety, at
 * most so many as `mains` says; unset no single house.
 */
const selection = z.strictObject({
  contracts: z.array(z.string().regex(/^[A-Za-z]{1,3}\d{3,4}$/)).optional(),
  mains: z.int().min(0).max(MOST_PICKED).default(100),
  brokers: z.array(z.string().min(1)).default([]),
}).refine(
  ({ contracts, mains, brokers }) => (contracts?.length ?? mains) + brokers.length <= MOST_PICKED,
  `expected at most ${MOST_PICKED} contracts and brokers: the site is asked once a second`,
);

/** Answers of a site that does not have what it was asked for. */
const NOT_THERE: readonly (number | undefined)[] = [404, 410];

const CONTRACT_HINT = "SOURCE_JIAOYIKECHA_SELECTORS names the contract";

/** The site cuts connections to who asks twice a second. */
const INTERVAL_MS = 1_000;

/** 交易可查: positions of houses, warehouse receipts and what leans to which side. */
export function createJiaoyikecha(settings: SourceSettings): MarketSource {
  const { cookie, token, intervalMs = INTERVAL_MS } = settings;
  const http = createSourceHttp({
    ...settings,
    source: "jiaoyikecha",
    home: "https://www.jiaoyikecha.com",
    headers: token === undefined ? {} : { authorization: token.reveal() },
    secrets: [cookie, token],
    loginHint: "SOURCE_JIAOYIKECHA_COOKIE is the cookie of a browser that is logged in",
    intervalMs: Math.max(intervalMs, INTERVAL_MS),
  });

  return {
    name: "jiaoyikecha",
    missing: [],
    async fetch({ date, signal, until, progress }) {
      const picked = readSelectors("jiaoyikecha", settings.selectors, selection);
      const session = await openSession(http, { cookie: cookie?.reveal(), signal });
      const replies: SourceReply[] = [];
      const ask = async (endpoint: string, form: Readonly<Record<string, string>> = {}) => {
        const reply = await session.ask(endpoint, form);
        replies.push(reply);
        return reply;
      };

      const listed = await ask("all_varieties");
      const named = { varieties: parseVarieties(listed), date };
      const rows = parseWarehouse(await ask("daily_wr", { date }), named);
      const lacking: FailedPart[] = [];
      const askIfThere = async (endpoint: string, unlessHeld: string) => {
        try {
          return await ask(endpoint);
        } catch (error) {
          if (!(error instanceof SourceError && NOT_THERE.includes(error.httpStatus))) throw error;
          lacking.push({ name: endpoint, error, unlessHeld });
          return undefined;
        }
      };
      const longhu = await askIfThere("longhu_list", "longhu");
      const niuxiong = await askIfThere("niuxiong_list", "niuxiong");
      const scores = [
        ...(longhu === undefined ? [] : parseLonghu(longhu)),
        ...(niuxiong === undefined ? [] : parseNiuxiong(niuxiong)),
      ];
      const recent = picked.contracts === undefined
        ? await askIfThere("recent_contracts", "long")
        : undefined;
      const mains = recent === undefined ? [] : parseMainContracts(recent, named.varieties);
      const codes = new Set(picked.contracts ?? mains.slice(0, picked.mains));
      const brokers = new Set(picked.brokers);
      progress?.start("jiaoyikecha", { unit: "rankings", total: codes.size + brokers.size });
      const positions: ContractValues[] = [];
      const asking = { source: "jiaoyikecha", clock: settings.clock, signal, until } as const;
      const parts = [
        ...partsOf(codes, async (code) => {
          const name = named.varieties.nameOf(readContract(code)?.letters ?? "");
          if (name === undefined) {
            const problem = `it has no variety for contract ${code}`;
            throw listed.fail("invalid", problem, { hint: CONTRACT_HINT });
          }
          const reply = await ask("variety_position", { variety: name, code, date });
          if (picked.contracts !== undefined && hasNothing(reply)) {
            throw reply.fail("invalid", `it has nothing on contract ${code}`, {
              hint: CONTRACT_HINT,
            });
          }
          const ranking = hasNothing(reply) ? undefined : parseRanking(reply, { code, name });
          if (ranking !== undefined) positions.push(ranking);
          progress?.advance(1);
        }),
        ...partsOf(brokers, async (broker) => {
          positions.push(...parseHoldings(await ask("broker_positions", { broker, date }), broker));
          progress?.advance(1);
        }),
      ];
      const failures = await askEach(parts, asking);
      progress?.finish();
      rows.push(
        ...contractReports("sentiment", scores, named),
        ...contractReports("position_ranking", positions, named),
      );
      return sourceAnswer(replies, { rows, failures: [...lacking, ...failures] });
    },
  };
}
