/** A blank between a number and its unit: no line ends there. */
const BEFORE_UNIT = /(?<=\d) (?=(?:µs|ms|s|m|h|%|B|KiB|MiB|GiB)(?![\w/]))/g;
const NO_BREAK_SPACE = '\u00a0';
const BREAKS = /[^\S\u00a0]+/;

/** Breaks a text at blanks into lines of at most `width`; a word that is longer, anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const pieces = new RegExp(`.{1,${width}}`, 'gsu');
  const words = text.replace(BEFORE_UNIT, NO_BREAK_SPACE).split(BREAKS);
  for (const piece of words.flatMap((word) => word.match(pieces) ?? [])) {
    if (line !== '' && line.length + 1 + piece.length > width) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : `${line} ${piece}`;
  }
  return [...lines, line].filter((one) => one !== '').map((one) => one.replaceAll(NO_BREAK_SPACE, ' '));
}
