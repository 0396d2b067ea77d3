import { DatabaseError } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { WorkerCommand, WorkerReply } from "./pglite_messages.ts";

interface Pending {
  /** A statement, which the watchdog looks at. */
  readonly runs: boolean;
  readonly since: number;
  resolve(reply: Exclude<WorkerReply, { type: "fatal" }>): void;
  reject(error: Error): void;
}

type Unnumbered<T> = T extends { id: number } ? Omit<T, "id"> : never;

const WATCH_EVERY_MS = 5_000;
const DEFAULT_WATCHDOG_MS = 600_000;

/**
 * Calls into PGlite's worker, in order. The watchdog tells when a call hangs: `terminate()` does not
 * stop a busy worker and another open would make two writers, so the process has to end.
 */
export class PgliteRpc {
  readonly #worker = new Worker(new URL("./pglite_worker.ts", import.meta.url), { type: "module" });
  readonly #pending = new Map<number, Pending>();
  readonly #watch: ReturnType<typeof setInterval>;
  readonly #onFatal: (reason: string) => void;
  #broken: string | undefined;
  #lastId = 0;

  constructor(
    { onFatal, watchdogMs = DEFAULT_WATCHDOG_MS, log }: {
      onFatal?: ((reason: string) => void) | undefined;
      watchdogMs?: number | undefined;
      log?: Log | undefined;
    },
  ) {
    this.#onFatal = (reason) => {
      log?.error("the embedded database broke", { reason });
      onFatal?.(reason);
    };
    this.#worker.onmessage = ({ data }) => this.#receive(trusted<WorkerReply>(data));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#break(event.message);
    };
    this.#watch = setInterval(
      () => this.#check(watchdogMs),
      Math.min(WATCH_EVERY_MS, watchdogMs),
    );
    Deno.unrefTimer(trusted<number>(this.#watch));
  }

  async call(command: Unnumbered<WorkerCommand>): Promise<Uint8Array<ArrayBuffer>> {
    const reply = await this.#send(command);
    if (reply.type === "done") return reply.bytes;
    throw new DatabaseError("The embedded database answered another question", {});
  }

  async count(): Promise<number> {
    const reply = await this.#send({ type: "count-fsyncs" });
    return reply.type === "counted" ? reply.count : 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    if (this.#broken !== undefined) return;
    await this.call({ type: "close" });
    this.#broken = "it is closed";
    this.#worker.terminate();
  }

  #send(
    command: Unnumbered<WorkerCommand>,
  ): Promise<Exclude<WorkerReply, { type: "fatal" }>> {
    if (this.#broken !== undefined) return Promise.reject(unusable(this.#broken));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        runs: command.type === "run",
        ...{ since: performance.now(), resolve, reject },
      });
      this.#worker.postMessage(
        { ...command, id },
        command.type === "run" ? [command.bytes.buffer] : [],
      );
    });
  }

  #receive(reply: WorkerReply): void {
    if (reply.type === "fatal") return this.#break(reply.message);
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.type === "failed") pending?.reject(new DatabaseError(reply.message, {}));
    else pending?.resolve(reply);
  }

  #break(reason: string): void {
    this.#broken = reason;
    for (const { reject } of this.#pending.values()) reject(unusable(reason));
    this.#pending.clear();
    this.#onFatal(reason);
  }

  #check(watchdogMs: number): void {
    const [oldest] = this.#pending.values();
    if (oldest === undefined || !oldest.runs || performance.now() - oldest.since < watchdogMs) {
      return;
    }
    this.#break(`a statement has run for more than ${watchdogMs / 1000} s`);
  }
}

function unusable(reason: string): DatabaseError {
  return new DatabaseError(`The embedded database cannot be used: ${reason}`, {});
}
