/** Where people read: log lines above, one status line that is drawn over again below. */
export interface Terminal {
  /** False for a pipe or a file: then there is no status line. */
  readonly interactive: boolean;
  /** Characters a line holds. */
  readonly columns: number;
  /** Writes a whole line above the status line. */
  line(text: string): void;
  /** Replaces the status line; the empty string removes it. */
  status(text: string): void;
}

export interface TerminalOptions {
  readonly write: (text: string) => void;
  readonly interactive: boolean;
  readonly columns?: (() => number) | undefined;
}

const CLEAR_LINE = "\r\x1b[2K";
const DEFAULT_COLUMNS = 80;

export function createTerminal(options: TerminalOptions): Terminal {
  const { write, interactive, columns = () => DEFAULT_COLUMNS } = options;
  let status = "";
  return {
    interactive,
    get columns() {
      return columns();
    },
    line(text) {
      if (status === "") write(`${text}\n`);
      else write(`${CLEAR_LINE}${text}\n${status}`);
    },
    status(text) {
      if (!interactive || text === status) return;
      // A line that wraps could not be cleared again.
      status = text.slice(0, Math.max(columns() - 1, 1));
      write(`${CLEAR_LINE}${status}`);
    },
  };
}

/** The terminal behind standard error, so that results on standard output stay clean. */
export function openStderr(): Terminal {
  const interactive = Deno.stderr.isTerminal();
  return createTerminal({ write: writeTo(Deno.stderr), interactive, columns: widthOfStderr });
}

/** Writes text to standard output, all of it. */
export function writeStdout(text: string): void {
  writeTo(Deno.stdout)(text);
}

function writeTo(sink: { writeSync(bytes: Uint8Array): number }): (text: string) => void {
  const encoder = new TextEncoder();
  return (text) => {
    let bytes = encoder.encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(sink.writeSync(bytes));
  };
}

function widthOfStderr(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    // A terminal whose size cannot be asked, such as a serial line.
    return DEFAULT_COLUMNS;
  }
}
