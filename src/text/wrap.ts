import stringWidth from 'string-width';

/** A blank between a number and its unit: no line ends there. */
const BEFORE_UNIT = /(?<=\d) (?=(?:µs|ms|s|m|h|%|B|KiB|MiB|GiB)(?![\w/]))/g;
const NO_BREAK_SPACE = '\u00a0';
const BREAKS = /[^\S\u00a0]+/;

const ASCII = /^[\x20-\x7e]*$/;

/** Columns that a text takes in a terminal: wide characters take two, accents and colors none. */
export function widthOf(text: string): number {
  // Much faster, and nearly every text.
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** Breaks a text at blanks into lines of at most `width` columns; a longer word anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const words = text.replace(BEFORE_UNIT, NO_BREAK_SPACE).split(BREAKS);
  for (const piece of words.flatMap((word) => pieces(word, width))) {
    if (line !== '' && widthOf(line) + 1 + widthOf(piece) > width) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : `${line} ${piece}`;
  }
  return [...lines, line].filter((one) => one !== '').map((one) => one.replaceAll(NO_BREAK_SPACE, ' '));
}

/** At most `width` columns of a text, with an ellipsis in place of the rest. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width <= 1 ? '…' : `${pieces(text, width - 1)[0]}…`;
}

/** A text in pieces of at most `width` columns, each as long as can be. */
function pieces(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  if (ASCII.test(text)) return text.match(new RegExp(`.{1,${Math.max(1, width)}}`, 'g')) ?? [];
  const all: string[] = [];
  let piece = '';
  let columns = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const more = widthOf(segment);
    if (piece !== '' && columns + more > width) {
      all.push(piece);
      [piece, columns] = ['', 0];
    }
    piece += segment;
    columns += more;
  }
  return [...all, piece];
}

const SIDES = ['top', 'bottom', 'left', 'right', 'mid'];

/** Characters for a table without borders, as `cli-table3` takes them: only two blanks between columns. */
export const NO_BORDERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    SIDES.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, '']),
  ),
  middle: '  ',
};
