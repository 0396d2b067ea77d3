import { z } from "zod";
import type { Recorded } from "../define.ts";
import { trusted } from "../trust.ts";
import type { EventStore, StreamWrite } from "./store.ts";

/** What can happen to a value that only one may hold. Stream: see {@linkcode reservationStream}. */
export const reservationEvents = {
  ReservationTaken: z.object({ kind: z.string(), holder: z.string() }),
  ReservationReleased: z.object({ kind: z.string(), holder: z.string() }),
} as const;

/** A unique value as it was read: whoever writes next must have read this version. */
export interface Reservation {
  readonly stream: string;
  readonly kind: string;
  readonly version: number;
  /** Id of who holds the value; undefined when it is free. */
  readonly holder: string | undefined;
}

/**
 * Name of the stream of a unique value (username, e-mail, …): an HMAC-SHA-256, so that the log never
 * shows the value. The caller brings the value into one form (case, spaces) first.
 */
export async function reservationStream(
  secret: Uint8Array<ArrayBuffer>,
  kind: string,
  value: string,
): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const text = new TextEncoder().encode(JSON.stringify([kind, value]));
  const hash = new Uint8Array(await crypto.subtle.sign("HMAC", key, text));
  return `reservation-${kind}-${hash.toHex()}`;
}

/** Reads who holds a value of a stream named by {@linkcode reservationStream}. */
export async function readReservation(
  store: Pick<EventStore, "readStream">,
  { kind, stream }: { readonly kind: string; readonly stream: string },
): Promise<Reservation> {
  const { events, version } = await store.readStream(stream);
  return { stream, kind, version, holder: holderAfter(events.at(-1)) };
}

function holderAfter(last: Recorded | undefined): string | undefined {
  if (last?.type !== "ReservationTaken") return undefined;
  return trusted<{ holder: string }>(last.data).holder;
}

/**
 * The write that takes a free value, for the same append as what needs it; of two at the same time
 * one gets a VersionConflict. Throws a RangeError when the value is not free: look first.
 */
export function take(reservation: Reservation, holder: string): StreamWrite {
  if (reservation.holder !== undefined) {
    throw new RangeError(`Cannot take ${reservation.stream}: it is held`);
  }
  return written(reservation, "ReservationTaken", holder);
}

/** The write that frees a value, so that it can be taken again. */
export function release(reservation: Reservation): StreamWrite {
  if (reservation.holder === undefined) {
    throw new RangeError(`Cannot release ${reservation.stream}: it is free`);
  }
  return written(reservation, "ReservationReleased", reservation.holder);
}

function written(
  { stream, version, kind }: Reservation,
  type: keyof typeof reservationEvents,
  holder: string,
): StreamWrite {
  return { stream, expected: version, events: [{ type, data: { kind, holder } }] };
}
