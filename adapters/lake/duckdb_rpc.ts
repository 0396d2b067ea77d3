import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { trusted } from "@/events/trust.ts";
import type { EngineOptions } from "./engine.ts";
import { localError } from "./engine_error.ts";
import type { FromWorker, LakeCalls, LakeOp, ToWorker } from "./lake_calls.ts";

interface Pending {
  readonly op: LakeOp;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/** Calls into the engine's worker. A worker that dies fails its calls; the next call starts another. */
export class DuckdbRpc {
  readonly #options: EngineOptions;
  readonly #workerUrl: URL;
  #life: Life | undefined;
  #generation = 0;
  #closed = false;
  constructor(
    options: EngineOptions,
    workerUrl: URL = new URL("./duckdb_worker.ts", import.meta.url),
  ) {
    this.#options = options;
    this.#workerUrl = workerUrl;
  }

  /** Grows with each worker: what a dead one held is gone. */
  get generation(): number {
    return this.#generation;
  }

  async call<K extends LakeOp>(
    op: K,
    args: Parameters<LakeCalls[K]>[0],
    signal?: AbortSignal,
  ): Promise<ReturnType<LakeCalls[K]>> {
    const life = await this.start();
    signal?.throwIfAborted();
    return trusted<ReturnType<LakeCalls[K]>>(await life.call(op, args, signal));
  }

  /** Resolves when the engine is open. */
  async start(): Promise<Life> {
    if (this.#closed) throw failure("Cannot use the lake: it is closed", { retryable: false });
    if (this.#life === undefined || this.#life.isDead) {
      this.#generation++;
      this.#life = new Life(this.#options, this.#workerUrl);
    }
    await this.#life.ready;
    return this.#life;
  }

  async close(): Promise<void> {
    const isOpen = !this.#closed && this.#life !== undefined && !this.#life.isDead;
    this.#closed = true;
    if (!isOpen) return;
    await this.#life?.call("close", {}, undefined);
    this.#life?.end();
  }
}

/** One worker from its start to its end. */
class Life {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #dead = false;
  constructor(options: EngineOptions, workerUrl: URL) {
    this.#worker = new Worker(workerUrl, { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      switch (data.kind) {
        case "ready":
          return resolve();
        case "failed":
          this.end();
          return reject(localError(data.error, "open"));
        case "value":
          return this.#settle(data.id)?.resolve(data.value);
        case "error": {
          const pending = this.#settle(data.id);
          return pending?.reject(localError(data.error, pending.op, pending.signal));
        }
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const crash = failure(`Cannot go on in the lake: the engine stopped (${event.message})`, {
        retryable: true,
        hint: "The engine is started again by the next call",
      });
      reject(crash);
      for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(crash);
      this.end();
    };
    this.#post({ kind: "open", options });
  }

  get isDead(): boolean {
    return this.#dead;
  }

  call(op: LakeOp, args: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = ++this.#last;
    const onAbort = () => this.#post({ kind: "abort", id });
    this.#pending.set(id, { op, resolve, reject, signal, onAbort });
    signal?.addEventListener("abort", onAbort);
    this.#post({ kind: "call", id, op, args });
    return promise;
  }

  end(): void {
    this.#dead = true;
    this.#worker.terminate();
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.signal?.removeEventListener("abort", pending.onAbort);
    return pending;
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

function failure(
  message: string,
  { retryable, hint }: { retryable: boolean; hint?: string },
): AdapterError {
  return new AdapterError(message, { port: "lake", op: "worker", retryable, hint });
}
