import { printable } from '../../../protocol/printable.js';

/** Text as a part of a page: nothing in it is markup, and it does not turn the text around it. */
export function escapeHtml(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Text that somebody wrote or would type, as HTML. */
export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** Words for who cannot see what stands beside them. */
export function spoken(text: string): string {
  return `<span class="spoken">${escapeHtml(text)}</span>`;
}

/** A cell that is the head of its row. */
export interface RowHead {
  readonly head: string;
  /** How many rows it is the head of. */
  readonly rows?: number;
}

/** A cell, as HTML. */
export type Cell = string | RowHead;

/** A table that scrolls by itself where the screen is too narrow. Cells are HTML, the rest is text. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  numbersFrom = head.length,
  kindOfTable = '',
): string {
  const kind = (index: number) => (index >= numbersFrom ? ' class="number"' : '');
  const header = head.map((name, index) => `<th scope="col"${kind(index)}>${name}</th>`).join('');
  const body = rows
    .map((row) => {
      // A head of several rows stands in the first of them.
      const shift = head.length - row.length;
      return `<tr>${row.map((cell, index) => cellOf(cell, kind(index + shift))).join('')}</tr>`;
    })
    .join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table${kindOfTable === '' ? '' : ` class="${kindOfTable}"`}><caption>${escapeHtml(caption)}</caption><thead><tr>${header}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function cellOf(cell: Cell, kind: string): string {
  if (typeof cell === 'string') return `<td${kind}>${cell}</td>`;
  const { head, rows = 1 } = cell;
  return rows === 1 ? `<th scope="row">${head}</th>` : `<th scope="rowgroup" rowspan="${rows}">${head}</th>`;
}
