import type { RaisedAlert } from "@/events/catalog/alert.ts";
import type { AlertMessage } from "../ports/alert_channel.ts";
import { type AlertText, alertText, type TextOptions } from "./alert_text.ts";
import { PHRASES } from "./phrases.ts";

export interface ComposeOptions extends TextOptions {
  /** What the channel takes uncut, in bytes of UTF-8. */
  readonly maxMarkdownBytes: number;
}

const encoder = new TextEncoder();

/**
 * One message of as many alerts as it holds whole, the first in any case. Undefined when there are
 * none; what `alerts` of the message leaves out goes into the next one.
 */
export function composeMessage(
  alerts: readonly RaisedAlert[],
  options: ComposeOptions,
): AlertMessage | undefined {
  const [first, ...others] = alerts;
  if (first === undefined) return undefined;
  const texts = [alertText(first, options)];
  for (const other of others) {
    const more = [...texts, alertText(other, options)];
    if (encoder.encode(together(more)).length > options.maxMarkdownBytes) break;
    texts.push(...more.slice(-1));
  }
  const title = texts.length === 1
    ? texts[0]?.title ?? ""
    : PHRASES[options.language].several(texts.length);
  const markdown = texts.length === 1 ? texts[0]?.markdown ?? "" : together(texts);
  return { title, markdown, alerts: alerts.slice(0, texts.length) };
}

function together(texts: readonly AlertText[]): string {
  return texts.map(({ title, markdown }) => `**${title}**\n${markdown}`).join("\n\n");
}
