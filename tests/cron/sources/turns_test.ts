import { deepEqual } from "node:assert/strict";
import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";
import { marketJobs } from "@/cron/sources/market_jobs.ts";
import type { Job } from "@/cron/job.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { trusted } from "@/events/trust.ts";
import { openSites } from "../../support/open_sites.ts";
import { until } from "../../support/projections.ts";
import { MINUTE, type Scene, sceneTest } from "../supervise/scene.ts";

interface Desk {
  readonly jobs: readonly Job[];
  /** Crawls under way, in order of their names. */
  running(): readonly string[];
  end(source: string): void;
}

/** The sources as they are made, each due every minute, whose crawls last until they are ended. */
function desk({ clock }: Scene, groups: Partial<Record<SourceName, string>> = {}): Desk {
  const under = new Map<string, () => void>();
  const jobs = marketJobs({
    ...{ clock, groups, sources: openSites().sources, blobs: openMemoryBlobs() },
    store: new MemoryEventStore({ catalog }),
    ingest: {
      ingestCandles: () => Promise.reject(new Error("not asked")),
      ingestFiles: () => Promise.reject(new Error("not asked")),
    },
    projections: { waitFor: () => Promise.resolve(true) },
    reports: {
      heldOf: () => Promise.reject(new Error("not asked")),
      hasValue: () => Promise.reject(new Error("not asked")),
      heldOn: () => Promise.reject(new Error("not asked")),
      newestDailies: () => Promise.reject(new Error("not asked")),
    },
    schedules: trusted<Record<SourceName, string>>(
      Object.fromEntries(SOURCE_NAMES.map((name) => [name, "* * * * *"])),
    ),
  });
  return {
    jobs: jobs.map((job): Job => ({
      ...{ ...job, isDue: undefined, timeoutMs: null },
      async run() {
        await new Promise<void>((resolve) => under.set(job.name, resolve));
        return { rows: 1 };
      },
    })),
    running: () => [...under.keys()].sort(),
    end(source) {
      under.get(source)?.();
      under.delete(source);
    },
  };
}

const FELLOWS: readonly string[] = ["rongda", "rongda2"];
const GROUPS = { rongda: "desk", rongda2: "desk" };
const ALL = SOURCE_NAMES.toSorted();

sceneTest("sources of the futures desk", {
  async "run all at once where nothing is set"(scene) {
    const { jobs, running, end } = desk(scene);
    const instance = await scene.start(...jobs);
    await instance.tick();
    scene.clock.advance(MINUTE);
    await instance.tick();
    await until(() => running().length === ALL.length);
    deepEqual(running(), ALL);
    ALL.forEach(end);
    await instance.idle();
  },

  async "of one group take turns, the others run at once, also on two instances"(scene) {
    const { jobs, running, end } = desk(scene, GROUPS);
    const instances = [await scene.start(...jobs), await scene.start(...jobs)];
    const tick = () => Promise.all(instances.map((instance) => instance.tick()));
    await tick();
    for (let minute = 0; minute < 3; minute++) {
      scene.clock.advance(MINUTE);
      await tick();
    }
    await until(() => running().length === ALL.length - 1);
    const [waits = ""] = ALL.filter((name) => !running().includes(name));
    const [runs = ""] = FELLOWS.filter((name) => name !== waits);
    deepEqual([waits, runs].sort(), FELLOWS);
    // Whoever ends is due again at once, and may be first again.
    await until(async () => {
      end(runs);
      scene.clock.advance(MINUTE);
      await tick();
      return running().includes(waits);
    });
    deepEqual(running(), ALL.filter((name) => name !== runs));
    running().forEach(end);
    await Promise.all(instances.map((instance) => instance.idle()));
  },
});
