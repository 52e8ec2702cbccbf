/**
 * What must not reach a terminal, a log or a page as it is: controls, which are obeyed; format characters, which turn
 * the direction of the text around them; whatever cannot be seen, with which two names look the same; separators of
 * lines; and what is not Unicode text.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** The beginning of a command to a CI system that reads it from a log: GitHub and Azure take it anywhere in a line. */
const COMMAND = /##(?=\w*\[)/g;

/**
 * Returns text from outside as a part of a line of output: unsafe characters are shown as `\uXXXX` instead of obeyed, and
 * nothing in it is a command to a CI system. In a JSON document it is the same value as before.
 *
 * What stands at the beginning of a line needs `withoutCommands` as well under GitHub Actions.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped).replace(COMMAND, '#\\u0023');
}

/** As {@link printable}, for text of several lines. */
export function printableLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(printable)
    .join('\n');
}

/** A value as JSON whose text is safe to print. `indent` is that of `JSON.stringify`. */
export function printableJson(value: unknown, indent?: number): string {
  // A line break can only be a part of the layout: in a string it is escaped already.
  return printableLines(JSON.stringify(value, undefined, indent));
}

/** Both halves of a character beyond U+FFFF, so that it can stand in JSON. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
