import { createHmac } from "node:crypto";
import { Refusal } from "@/domain/decider.ts";
import type { RequestEvent } from "@/events/catalog/request.ts";
import { type EventStore, VersionConflict } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { trusted } from "@/events/trust.ts";
import type { AppDeps } from "./app_deps.ts";
import type { AppContext } from "./envelope.ts";

/** Namespace of command ids; never changes, or retries would act twice. */
const COMMANDS = "4b2d1c7e-8a53-5f0e-9d6b-3c1a7e5f2b90";

/** What makes a write recognisable when it is sent again. */
export interface WriteIdentity {
  readonly actor: string;
  readonly commandId: string;
  /** Of query and body, keyed; undefined without an Idempotency-Key. */
  readonly fingerprint: string | undefined;
}

/**
 * The identity of a write: the same for the same actor, method, path and Idempotency-Key, else
 * random. `body` is its text or its hash.
 */
export function identifyWrite(
  c: AppContext,
  { body, fingerprintKey }: { readonly body: string; readonly fingerprintKey: string },
): WriteIdentity {
  const actor = callerId(c);
  const key = c.req.header("idempotency-key");
  if (key === undefined) {
    return { actor, commandId: crypto.randomUUID(), fingerprint: undefined };
  }
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
    const message = "Cannot use this Idempotency-Key: send 1 to 200 visible ASCII characters";
    throw new Refusal("validation_error", message, { field: "idempotency-key" });
  }
  const { pathname, search } = new URL(c.req.url);
  const path = pathname.replace(/(?<=.)\/$/, "");
  const commandId = uuidV5(COMMANDS, JSON.stringify([actor, c.req.method, path, key]));
  const fingerprint = createHmac("sha256", fingerprintKey).update(`${search}\n${body}`)
    .digest("hex");
  return { actor, commandId, fingerprint };
}

/**
 * Keeps what came with an Idempotency-Key, before anything is done: the same key with another body
 * is a Refusal `validation_error`, also after a restart and on another instance.
 */
export async function claimKey(
  store: EventStore,
  { actor, commandId, fingerprint }: WriteIdentity,
): Promise<void> {
  if (fingerprint === undefined) return;
  const stream = `request-${commandId}`;
  const used = async () =>
    (await store.readStream<RequestEvent>(stream, { limit: 1 })).events.find((event) =>
      event.type === "RequestKeyUsed"
    );
  let known = await used();
  if (known === undefined) {
    const event: RequestEvent = { type: "RequestKeyUsed", data: { fingerprint } };
    const meta = { actor, commandId: uuidV5(commandId, "key") };
    try {
      await store.append([{ stream, expected: "none", events: [event] }], meta);
      return;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      known = await used();
    }
  }
  if (known?.data.fingerprint === fingerprint) return;
  throw keyUsedOtherwise();
}

export interface WriteAnswer {
  readonly data: unknown;
  readonly status?: 200 | 201;
  readonly position: number;
  readonly visible: boolean;
}

/**
 * Does a write once for its Idempotency-Key. Sent again it is answered as it was, whatever has
 * happened since, also where it had changed nothing; one that was cut off before its answer goes on.
 * `work` claims the key. What was refused is not kept.
 */
export async function answerOnce(
  { store, projections }: Pick<AppDeps, "store" | "projections">,
  { actor, commandId, fingerprint }: WriteIdentity,
  work: () => Promise<WriteAnswer>,
): Promise<WriteAnswer> {
  if (fingerprint === undefined) return await work();
  const stream = `request-${commandId}`;
  const { events } = await store.readStream<RequestEvent>(stream, { limit: 2 });
  for (const { type, data } of events) {
    if (type === "RequestKeyUsed") {
      if (data.fingerprint !== fingerprint) throw keyUsedOtherwise();
      continue;
    }
    const { data: told, position } = data;
    const visible = await projections.waitFor(position);
    return { data: told, status: data.status === 201 ? 201 : 200, position, visible };
  }
  const answer = await work();
  const { data, status = 200, position } = answer;
  const event = trusted<RequestEvent>({
    type: "RequestAnswered",
    data: { status, data, position },
  });
  const meta = { actor, commandId: uuidV5(commandId, "answer") };
  await store.append([{ stream, expected: 1, events: [event] }], meta).catch((error) => {
    // Its twin was answered in the same moment.
    if (!(error instanceof VersionConflict)) throw error;
  });
  return answer;
}

export function keyUsedOtherwise(): Refusal {
  const message = "Cannot repeat this request: its Idempotency-Key was used with another body";
  return new Refusal("validation_error", message, { field: "Idempotency-Key" });
}

/** Who events name as the one that acted. */
export function callerId(c: AppContext): string {
  const actor = c.get("actor");
  return actor?.kind === "caller" ? actor.id : "guest";
}
