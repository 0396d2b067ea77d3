import type { Candle } from "@/domain/klines/candle.ts";
import type {
  CompareOptions,
  Comparison,
  FileFacts,
  GatherInput,
  HeldCandles,
  LakeQuery,
  LakeResult,
  RejectedFile,
  RevisionsInput,
  Scale,
  StageInput,
} from "@/domain/ports/lake.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { EngineOptions } from "./engine.ts";
import type { WireError } from "./engine_error.ts";
import type { ColumnsPage } from "./rewrite.ts";
import type { StagedFacts } from "./stage.ts";

/** What the main side asks of the worker, by name. */
export interface LakeCalls {
  stage(input: StageInput): { id: number; facts: StagedFacts };
  writeRejected(args: { id: number; outPath: string }): RejectedFile | undefined;
  compare(
    args: { id: number; period: string; held: HeldCandles; options: CompareOptions },
  ): Comparison;
  delta(args: { id: number; period: string }): Candle[];
  writeDelta(args: { id: number; period: string; outPath: string }): FileFacts;
  writeMerged(args: { id: number; period: string; scale: Scale; outPath: string }): FileFacts;
  drop(args: { id: number }): void;
  gather(input: GatherInput): { id: number; rows: number; scale: Scale };
  writeGathered(args: { id: number; scale: Scale; outPath: string }): FileFacts;
  dropGathered(args: { id: number }): void;
  read(query: LakeQuery): LakeResult;
  columns(args: { path: string; after: number; size: number }): ColumnsPage;
  revisions(args: RevisionsInput & { outPath: string }): number;
  describe(args: { path: string }): FileFacts;
  rescale(args: { path: string; scale: Scale; outPath: string }): FileFacts;
  without(
    args: { path: string; range: OpenTimeRange; outPath: string },
  ): FileFacts | undefined;
  join(args: { paths: readonly string[]; outPath: string }): void;
  close(args: Record<never, never>): void;
}

export type LakeOp = keyof LakeCalls;

export type ToWorker =
  | { readonly kind: "open"; readonly options: EngineOptions }
  | { readonly kind: "call"; readonly id: number; readonly op: LakeOp; readonly args: unknown }
  | { readonly kind: "abort"; readonly id: number };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly error: WireError }
  | { readonly kind: "value"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError };
