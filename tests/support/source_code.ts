/** A source file of the project; `path` is relative to its root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** The text as {@linkcode codeOf} shows it. */
  readonly code: string;
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: codeOf(text) };
}

const ROOT = new URL("../../", import.meta.url);
/** Not ours, or not code: installed packages, data, the version history. */
const SKIPPED = /^(\..*|node_modules|coverage|data|data-.*)$/;

/** Every TypeScript file of the project, by path. */
export async function readSources(): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const path of walk("")) {
    files.push(sourceFile(path, await Deno.readTextFile(new URL(path, ROOT))));
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", ROOT))) {
    if (isDirectory && !SKIPPED.test(name)) yield* walk(`${folder}${name}/`);
    else if (/\.tsx?$/.test(name)) yield `${folder}${name}`;
  }
}

/** What a file imports, statically or not, as types or not: project paths, `npm:<package>`, or as written. */
export function importsOf({ path, text, code }: SourceFile): string[] {
  const starts = code.matchAll(/\b(?:from|import)\s*\(?\s*["']/g);
  return [...starts].map(({ index, 0: match }) => {
    const from = index + match.length;
    return resolved(text.slice(from, code.slice(from).search(/["']/) + from), path);
  });
}

function resolved(specifier: string, importer: string): string {
  if (specifier.startsWith("@/")) return specifier.slice(2);
  if (specifier.startsWith(".")) {
    return new URL(specifier, `file:///${importer}`).pathname.slice(1);
  }
  if (/^[a-z]+:/.test(specifier)) return specifier;
  const [scope = "", name = ""] = specifier.split("/");
  return `npm:${scope.startsWith("@") ? `${scope}/${name}` : scope}`;
}

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const STRING = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const REGEXP = /\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\\/[\n])+\//y;
/** A template up to its end or to the next `${`. */
const TEMPLATE = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y;
/** What a slash follows when it starts a regular expression, and does not divide. */
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};>+\-*%~^<]|\b(?:return|typeof|case|in|of|else|void|yield|await))\s*$/;

/**
 * The text with comments and the contents of strings, templates and regular expressions made blank:
 * every character stays at its place. What stands in `${…}` of a template is code.
 */
export function codeOf(text: string): string {
  let code = "";
  /** For each `${` we are in, how many braces are open inside it. */
  const nested: number[] = [];
  while (code.length < text.length) {
    const at = code.length;
    const char = text.charAt(at);
    const depth = nested.at(-1);
    const string = matchAt(STRING, text, at);
    if (char === "`" || (char === "}" && depth === 0)) {
      if (char === "}") nested.pop();
      const piece = matchAt(TEMPLATE, text, at + 1);
      const end = piece.endsWith("${") ? "${" : piece.slice(-1);
      if (end === "${") nested.push(0);
      code += char + blank(piece.slice(0, piece.length - end.length)) + end;
    } else if (string !== "") {
      code += char + blank(string.slice(1, -1)) + char;
    } else {
      const regexp = BEFORE_REGEXP.test(code.slice(-40)) ? matchAt(REGEXP, text, at) : "";
      const hidden = matchAt(COMMENT, text, at) || regexp;
      if (depth !== undefined && "{}".includes(char)) {
        nested[nested.length - 1] = depth + (char === "{" ? 1 : -1);
      }
      code += blank(hidden) || char;
    }
  }
  return code;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
