import { equal } from "node:assert/strict";
import { createTerminal } from "@/adapters/terminal/terminal.ts";

function open({ interactive = true, columns = 20 } = {}) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const terminal = createTerminal({ write, interactive, columns: () => columns });
  return { terminal, text: () => written.join("") };
}

/** What a terminal shows after the text: lines, the cursor's one last. */
function screen(text: string): string {
  return text.split("\n").map((line) => line.split("\r\x1b[2K").at(-1)).join("\n");
}

Deno.test("terminal draws the status over itself and lines above it", () => {
  const { terminal, text } = open();
  terminal.status("1 of 2");
  terminal.line("a note");
  terminal.status("2 of 2");
  equal(screen(text()), "a note\n2 of 2");
});

Deno.test("terminal removes the status when it becomes empty", () => {
  const { terminal, text } = open();
  terminal.status("busy");
  terminal.status("");
  terminal.line("done");
  equal(screen(text()), "done\n");
});

Deno.test("terminal cuts a status that would wrap", () => {
  const { terminal, text } = open({ columns: 10 });
  terminal.status("x".repeat(50));
  equal(screen(text()), "x".repeat(9));
});

Deno.test("terminal writes no status and no control codes into a pipe", () => {
  const { terminal, text } = open({ interactive: false });
  terminal.status("busy");
  terminal.line("done");
  equal(text(), "done\n");
});
