import { crawler } from "@/domain/crawler.ts";
import { testDecider } from "../support/given.ts";

const source = "openvlab";
const paused = { type: "CrawlerPaused", data: { source, reason: "rebuilt" } } as const;
const resumed = { type: "CrawlerResumed", data: { source } } as const;
const pause = { type: "PauseCrawler", data: { source, reason: "rebuilt" } } as const;
const resume = { type: "ResumeCrawler", data: { source } } as const;

testDecider("a crawler", crawler, [
  { name: "pauses", given: [], when: pause, then: [paused] },
  { name: "pauses again after it went on", given: [paused, resumed], when: pause, then: [paused] },
  { name: "goes on", given: [paused], when: resume, then: [resumed] },
  { name: "is silent when it goes on without a pause", given: [], when: resume, then: [] },
  {
    name: "takes another reason of its pause",
    given: [paused],
    when: { type: "PauseCrawler", data: { source, reason: "another" } },
    then: [{ type: "CrawlerPaused", data: { source, reason: "another" } }],
  },
  {
    name: "keeps the reason of its pause when another one gives none",
    given: [paused],
    when: { type: "PauseCrawler", data: { source, reason: "" } },
    then: [],
  },
  {
    name: "is silent when it pauses for the reason that is known",
    given: [paused],
    when: pause,
    then: [],
  },
]);
