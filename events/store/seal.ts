import { trusted } from "../trust.ts";
import { type PersonalFields } from "../personal.ts";

type Data = Readonly<Record<string, unknown>>;

/** Where an event's data hold their encrypted fields; no event has a field of this name. */
export const SEALED = "$personal";

interface Sealed {
  readonly subject: string;
  /** Base64 of a nonce of 12 bytes and the AES-256-GCM of the field's JSON, by the field's name. */
  readonly fields: Readonly<Record<string, string>>;
}

const NONCE_BYTES = 12;

/** Takes the personal fields out of the data; without a key (erased) they become null. */
export async function seal(
  data: Data,
  { key, id, marked }: {
    readonly key: CryptoKey | null;
    readonly id: string;
    readonly marked: PersonalFields;
  },
): Promise<Data> {
  const present = marked.fields.filter((name) => data[name] !== undefined && data[name] !== null);
  if (present.length === 0) return data;
  const bare = Object.entries(data).map(([name, value]) => [name, hides(name) ? null : value]);
  function hides(name: string): boolean {
    return present.includes(name);
  }
  if (key === null) return Object.fromEntries(bare);
  const fields = await Promise.all(present.map(async (name) => {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = new TextEncoder().encode(JSON.stringify(data[name]));
    const cipher = await crypto.subtle.encrypt(algorithm(nonce, id, name), key, plain);
    const whole = new Uint8Array(NONCE_BYTES + cipher.byteLength);
    whole.set(nonce);
    whole.set(new Uint8Array(cipher), NONCE_BYTES);
    return [name, whole.toBase64()];
  }));
  const sealed = { subject: data[marked.subject], fields: Object.fromEntries(fields) };
  return { ...Object.fromEntries(bare), [SEALED]: sealed };
}

/** Whose key is needed to read the data, if any. */
export function subjectOf(data: Data): string | undefined {
  return sealedOf(data)?.subject;
}

/** The data as they were given to {@linkcode seal}; without a key the personal fields are null. */
export async function unseal(
  data: Data,
  { key, id }: { readonly key: CryptoKey | null; readonly id: string },
): Promise<Data> {
  const { [SEALED]: _, ...bare } = data;
  const clear: Record<string, unknown> = bare;
  const sealed = sealedOf(data);
  if (sealed === undefined || key === null) return clear;
  for (const [name, text] of Object.entries(sealed.fields)) {
    const whole = Uint8Array.fromBase64(text);
    const nonce = whole.subarray(0, NONCE_BYTES);
    const cipher = whole.subarray(NONCE_BYTES);
    const plain = await crypto.subtle.decrypt(algorithm(nonce, id, name), key, cipher);
    clear[name] = JSON.parse(new TextDecoder().decode(plain));
  }
  return clear;
}

function sealedOf(data: Data): Sealed | undefined {
  return trusted<Sealed | undefined>(data[SEALED]);
}

/** Bound to its event and field, so that a ciphertext cannot be moved to another place. */
function algorithm(iv: Uint8Array<ArrayBuffer>, id: string, field: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${id}/${field}`) };
}
