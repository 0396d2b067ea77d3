import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { joinedBytes } from "@/domain/joined_bytes.ts";
import { trusted } from "@/events/trust.ts";
import { DurableNodeFS, syncPath } from "./pglite_durable_fs.ts";
import { WHOLE } from "./pglite_folder.ts";
import type { WorkerCommand, WorkerOptions, WorkerReply } from "./pglite_messages.ts";
import { endsIdle } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

const port = trusted<{ postMessage(reply: WorkerReply, transfer: Transferable[]): void }>(
  globalThis,
);
const ROLLBACK = new WireWriter().query("rollback").finish();
/** How PGlite turns PostgreSQL's longjmp after an SQL error into an exception. */
const SQL_ERROR_STATUS = 100;

let pglite: PGlite | undefined;
let files: DurableNodeFS | undefined;
let queue: Promise<void> = Promise.resolve();

globalThis.addEventListener("message", (event) => {
  const command = trusted<MessageEvent<WorkerCommand>>(event).data;
  queue = queue.then(() => obey(command));
});

async function obey(command: WorkerCommand): Promise<void> {
  const { id } = command;
  try {
    switch (command.type) {
      case "open":
        await open(command.options);
        return reply({ type: "done", id, bytes: new Uint8Array(0) });
      case "run":
        return reply({ type: "done", id, bytes: await run(command.bytes) });
      case "dump": {
        const dump = await engine().dumpDataDir("none");
        return reply({ type: "done", id, bytes: new Uint8Array(await dump.arrayBuffer()) });
      }
      case "count-fsyncs":
        return reply({ type: "counted", id, count: files?.fsyncs ?? 0 });
      case "close":
        await pglite?.close();
        pglite = undefined;
        return reply({ type: "done", id, bytes: new Uint8Array(0) });
    }
  } catch (error) {
    reply({ type: "failed", id, message: String(error) });
  }
}

async function open(options: WorkerOptions): Promise<void> {
  const { dataDir } = options;
  files = dataDir === undefined ? undefined : new DurableNodeFS(dataDir);
  pglite = await create(files, options);
  if (dataDir !== undefined) complete(dataDir);
  stopOnCrash(pglite);
}

function complete(dataDir: string): void {
  if (existsSync(`${dataDir}/${WHOLE}`)) return;
  writeFileSync(`${dataDir}/${WHOLE}`, "");
  syncPath(dataDir);
  syncPath(dirname(dataDir));
}

function create(
  fs: DurableNodeFS | undefined,
  { sharedBuffers, template, engine }: WorkerOptions,
): Promise<PGlite> {
  const startParams = fs
    ? [...PGlite.defaultStartParams.filter((p) => p !== "-F"), "-c", "wal_sync_method=fsync"]
    : [...PGlite.defaultStartParams];
  if (sharedBuffers) startParams.push("-c", `shared_buffers=${sharedBuffers}`);
  return PGlite.create({
    startParams,
    ...(fs ? { fs } : { dataDir: "memory://" }),
    ...(template ? { loadDataDir: new Blob([template]) } : {}),
    ...(engine
      ? {
        pgliteWasmModule: engine.postgres,
        initdbWasmModule: engine.initdb,
        fsBundle: new Blob([engine.files]),
      }
      : {}),
  });
}

async function run(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await exchange(bytes);
  if (!endsIdle(answer)) await exchange(ROLLBACK);
  return answer;
}

async function exchange(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  await engine().execProtocolRawStream(bytes, {
    syncToFs: false,
    onRawData: (chunk) => chunks.push(chunk.slice()),
  });
  return joinedBytes(chunks);
}

function engine(): PGlite {
  if (pglite) return pglite;
  throw new Error("the database is not open");
}

// PGlite swallows every exception of its main loop and calls it again: on a full disk, a failed
// fsync or a broken engine it would spin for ever, and write. The thread sleeps instead, and the
// main thread ends the process; PostgreSQL itself would PANIC here and recover from its log.
function stopOnCrash(pglite: PGlite): void {
  const module = trusted<{ _PostgresMainLoopOnce(): void }>(pglite.Module);
  const once = module._PostgresMainLoopOnce;
  module._PostgresMainLoopOnce = () => {
    try {
      once();
    } catch (error) {
      if (trusted<{ status?: number }>(error).status === SQL_ERROR_STATUS) throw error;
      reply({ type: "fatal", message: String(error) });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
  };
}

function reply(message: WorkerReply): void {
  port.postMessage(message, message.type === "done" ? [message.bytes.buffer] : []);
}
