/** One token of JSON (RFC 8259), behind blanks. */
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a string has none
  /[ \t\r\n]*(?:([[\]{}:,])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

const CLOSER: Readonly<Record<string, string>> = { '[': ']', '{': '}' };

/**
 * Where a text stops being JSON: the offset of the first token that cannot be there. `undefined` for JSON. Node.js names
 * the place of some mistakes only.
 */
export function jsonMistake(text: string): number | undefined {
  const closers: string[] = [];
  let wanted: 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' = 'value';
  let end = 0;
  while (closers.length > 0 || end === 0) {
    TOKEN.lastIndex = end;
    const found = TOKEN.exec(text);
    const start = end + (/^[ \t\r\n]*/.exec(text.slice(end, end + 10_000))?.[0].length ?? 0);
    if (found === null) return start;
    end = TOKEN.lastIndex;
    const [, mark, string] = found;
    const closer = closers.at(-1);
    if (mark !== undefined && mark === closer && ['first value', 'first key', 'comma'].includes(wanted)) {
      closers.pop();
      wanted = 'comma';
    } else if (wanted === 'comma' && mark === ',') wanted = closer === '}' ? 'key' : 'value';
    else if (wanted === 'colon' && mark === ':') wanted = 'value';
    else if ((wanted === 'key' || wanted === 'first key') && string !== undefined) wanted = 'colon';
    else if (wanted === 'value' || wanted === 'first value') {
      if (mark === undefined) wanted = 'comma';
      else if (CLOSER[mark] === undefined) return start;
      else {
        closers.push(CLOSER[mark]);
        wanted = mark === '{' ? 'first key' : 'first value';
      }
    } else return start;
  }
  const rest = /[^ \t\r\n]/.exec(text.slice(end));
  return rest === null ? undefined : end + rest.index;
}
