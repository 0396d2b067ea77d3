const [QUOTE, BACKSLASH, COMMA] = [34, 92, 44];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/**
 * Cuts one JSON list of rows into several of about `partCharacters`, between rows. What holds no place
 * to cut at, such as text that is no such list, comes out as it went in, for its reader to refuse.
 */
export async function* jsonParts(
  chunks: AsyncIterable<string>,
  partCharacters: number,
): AsyncGenerator<string> {
  const findCut = createCutFinder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const cut = findCut(chunk);
    pieces.push(chunk);
    length += chunk.length;
    if (cut === -1 || length < partCharacters) continue;
    const rest = chunk.slice(cut + 1);
    pieces[pieces.length - 1] = chunk.slice(0, cut);
    yield `${pieces.join("")}]`;
    [pieces, length] = [["[", rest], rest.length];
  }
  const last = pieces.join("");
  if (last.trim() !== "") yield last;
}

/** Finds the last comma between two rows of each chunk, -1 where there is none. */
function createCutFinder(): (chunk: string) => number {
  let depth = 0;
  let inString = false;
  let escaped = false;
  return (chunk) => {
    let cut = -1;
    for (let at = 0; at < chunk.length; at++) {
      const sign = chunk.charCodeAt(at);
      if (escaped) escaped = false;
      else if (inString) {
        if (sign === BACKSLASH) escaped = true;
        else if (sign === QUOTE) inString = false;
      } else if (sign === QUOTE) inString = true;
      else if (sign === OPEN_LIST || sign === OPEN_OBJECT) depth++;
      else if (sign === CLOSE_LIST || sign === CLOSE_OBJECT) depth--;
      else if (sign === COMMA && depth === 1) cut = at;
    }
    return cut;
  };
}
