// A long list of which only what can be seen is on the page.
import { element, onceAFrame, setText } from './dom.js';

/** Rows beyond the visible ones, above and below. */
const SPARE = 6;

/**
 * A table of rows that are all equally high.
 *
 * @param holder the element that scrolls, with the role of a table.
 * @param columns each `{ name, className }`.
 * @param fill puts a row into its cells: `fill(cells, row, element, index)`.
 * @returns `setRows(rows)`, and `isAtTop()`.
 */
export function virtualList(holder, columns, fill, changed = () => {}) {
  const head = element(
    'div',
    { className: 'row head', role: 'row', 'aria-rowindex': '1' },
    ...columns.map(({ name, className = '' }) =>
      element('div', { className: `cell ${className}`, role: 'columnheader' }, name),
    ),
  );
  const body = element('div', { className: 'rows', role: 'rowgroup' });
  holder.append(element('div', { role: 'rowgroup' }, head), body);
  holder.setAttribute('aria-colcount', String(columns.length));
  const pool = [];
  let rows = [];
  let height = 0;
  /** What each element of the pool shows now. */
  const newElement = () => {
    const cells = columns.map(({ className = '', label }) =>
      element('div', {
        className: `cell ${className}`,
        role: 'cell',
        ...(label === undefined ? {} : { 'data-label': label }),
      }),
    );
    const row = element('div', { className: 'row', role: 'row' }, ...cells);
    body.append(row);
    return { row, cells };
  };
  const draw = () => {
    if (holder.offsetParent === null) return;
    if (pool.length === 0) pool.push(newElement());
    height = pool[0].row.offsetHeight || height || 32;
    const first = Math.max(0, Math.floor(holder.scrollTop / height) - SPARE);
    const wanted = Math.min(rows.length - first, Math.ceil(holder.clientHeight / height) + 2 * SPARE);
    holder.setAttribute('aria-rowcount', String(rows.length + 1));
    body.style.height = `${rows.length * height}px`;
    while (pool.length < wanted) pool.push(newElement());
    for (const [index, { row, cells }] of pool.entries()) {
      const isUsed = index < wanted || (index === 0 && rows.length > 0);
      row.style.visibility = isUsed ? '' : 'hidden';
      row.setAttribute('aria-hidden', String(!isUsed));
      if (!isUsed) {
        row.style.top = '0';
        continue;
      }
      row.style.top = `${(first + index) * height}px`;
      row.setAttribute('aria-rowindex', String(first + index + 2));
      fill(cells, rows[first + index], row, first + index);
    }
  };
  const drawSoon = onceAFrame(draw);
  holder.addEventListener('scroll', () => {
    drawSoon();
    changed();
  });
  new ResizeObserver(drawSoon).observe(holder);
  return {
    setRows(next) {
      rows = next;
      drawSoon();
    },
    isAtTop: () => holder.scrollTop < 4,
    toTop() {
      holder.scrollTop = 0;
    },
  };
}

/** Buttons in a cell, kept from one row to the next: `[{ text, label, act }]`. */
export function setButtons(cell, buttons) {
  while (cell.children.length > buttons.length) cell.lastChild.remove();
  for (const [index, { text, label, act }] of buttons.entries()) {
    let button = cell.children[index];
    if (button === undefined) {
      button = element('button', { type: 'button' });
      cell.append(button);
    }
    setText(button, text);
    if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label);
    button.onclick = act;
  }
}
