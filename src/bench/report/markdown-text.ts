import { printable } from '../../protocol/printable.js';

/** Text for a cell of a table, or a line: it stays in it, and means nothing to Markdown or HTML. */
export function cell(text: string): string {
  return oneLine(text).replace(/^[-+=]|[\\`*_{}[\]<>#|~&]/g, (character) => `&#${character.charCodeAt(0)};`);
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

/** Text from outside as a part of a line, its controls shown instead of obeyed. */
function oneLine(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '));
}
