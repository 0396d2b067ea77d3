/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { trusted } from "@/events/trust.ts";
import { createAwake } from "./awake.ts";
import { DecodedFiles } from "./decoded_files.ts";
import { type Engine, openEngine } from "./engine.ts";
import { isFatal, wireError } from "./engine_error.ts";
import { FileHeaders } from "./file_headers.ts";
import { Gatherings } from "./gather.ts";
import { joinFiles } from "./join.ts";
import type { FromWorker, LakeCalls, LakeOp, ToWorker } from "./lake_calls.ts";
import { readCandles } from "./read.ts";
import { columnsAfter, describeFile, fileWithout, rescaleFile } from "./rewrite.ts";
import { writeRevisions } from "./revisions.ts";
import { Stages } from "./stages.ts";

type Handlers = {
  readonly [K in LakeOp]: (
    args: Parameters<LakeCalls[K]>[0],
    signal: AbortSignal,
  ) => Promise<ReturnType<LakeCalls[K]>>;
};

const awake = createAwake();
const running = new Map<number, AbortController>();
let handlers: Handlers | undefined;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "open":
      try {
        handlers = handlersOf(await awake(() => openEngine(data.options)));
        send({ kind: "ready" });
      } catch (error) {
        send({ kind: "failed", error: wireError(error, new AbortController().signal) });
      }
      break;
    case "call":
      await answer(data);
      break;
    case "abort":
      running.get(data.id)?.abort();
      break;
  }
};

async function answer({ id, op, args }: Extract<ToWorker, { kind: "call" }>): Promise<void> {
  const control = new AbortController();
  running.set(id, control);
  try {
    const handler = trusted<(args: unknown, signal: AbortSignal) => Promise<unknown>>(
      handlers?.[op],
    );
    const value = await awake(() => handler(args, control.signal));
    send({ kind: "value", id, value });
    if (op === "close") self.close();
  } catch (error) {
    const wire = wireError(error, control.signal);
    send({ kind: "error", id, error: wire });
    // The engine refuses everything from here on; the main side starts another.
    if (isFatal(wire)) throw error;
  } finally {
    running.delete(id);
  }
}

function handlersOf(engine: Engine): Handlers {
  const stages = new Stages(engine);
  const gatherings = new Gatherings(engine);
  const headers = new FileHeaders();
  const decoded = new DecodedFiles();
  const none = new AbortController().signal;
  return {
    stage: (input, signal) => engine.use("work", signal, (s) => stages.stage(s, input, signal)),
    writeRejected: (args) => engine.use("work", none, (s) => stages.writeRejected(s, args)),
    compare: (args) => engine.use("work", none, (s) => stages.compare(s, args)),
    delta: (args) => engine.use("work", none, (s) => stages.delta(s, args)),
    writeDelta: (args) => engine.use("work", none, (s) => stages.writeDelta(s, args)),
    writeMerged: (args) => engine.use("work", none, (s) => stages.writeMerged(s, args)),
    drop: (args) => engine.use("work", none, (s) => stages.drop(s, args)),
    gather: (input) => engine.use("work", none, (s) => gatherings.gather(s, input)),
    writeGathered: (args) => engine.use("work", none, (s) => gatherings.write(s, args)),
    dropGathered: (args) => engine.use("work", none, (s) => gatherings.drop(s, args)),
    read: (query, signal) =>
      engine.use(
        "read",
        signal,
        (session) => readCandles({ engine, session, headers, decoded }, query),
      ),
    columns: (args) => engine.use("read", none, (s) => columnsAfter(s, args)),
    revisions: (args) => engine.use("work", none, (s) => writeRevisions(s, args)),
    describe: ({ path }) => engine.use("work", none, (s) => describeFile(s, path)),
    rescale: (args) => engine.use("work", none, (s) => rescaleFile(s, args)),
    without: (args) => engine.use("work", none, (s) => fileWithout(s, args)),
    join: (args) => engine.use("work", none, (s) => joinFiles(s, args)),
    close: () => engine.close(),
  };
}

function send(message: FromWorker): void {
  const transfer: Transferable[] = [];
  if (message.kind === "value") {
    const bytes = trusted<{ bytes?: unknown } | undefined>(message.value)?.bytes;
    if (bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer) {
      transfer.push(bytes.buffer);
    }
  }
  self.postMessage(message, transfer);
}
