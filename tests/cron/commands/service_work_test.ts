import { deepEqual, equal, throws } from "node:assert/strict";
import { createServiceWork } from "@/cron/commands/service_work.ts";
import { createJobs } from "@/cron/jobs.ts";
import { Refusal } from "@/domain/decider.ts";
import { openCrawlHouse } from "../../support/crawl_house.ts";
