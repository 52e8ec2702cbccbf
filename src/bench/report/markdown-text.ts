import { printable } from '../../protocol/printable.js';
import { formatCount } from '../../protocol/units.js';

/** Text for a cell of a table, or a line: it stays in it, and means nothing to Markdown or HTML. */
export function cell(text: string): string {
  return oneLine(text).replace(
    /^(?:[-+=]|:(?=:))|[\\`*_{}[\]<>#|~&]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** Text as code; its own backticks are kept from ending it. */
export function code(text: string): string {
  const safe = oneLine(text);
  const fence = '`'.repeat(Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}

/** Text as code in a cell, which a pipe would end. */
export function codeCell(text: string): string {
  return code(text).replaceAll('|', '\\|');
}

/** At most so many lines of a list; of more, the last says how many there are besides. */
export function few(
  lines: readonly string[],
  most: number,
  lineOf: (more: string) => string,
): readonly string[] {
  if (lines.length <= most) return lines;
  const shown = lines.slice(0, most - 1);
  return [...shown, lineOf(`and ${formatCount(lines.length - shown.length)} more`)];
}

/** Text from outside as a part of a line, its controls shown instead of obeyed. */
function oneLine(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '));
}
