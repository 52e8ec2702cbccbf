import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { printable } from '../../../text/printable.js';
import { NO_BORDERS, shorten, widthOf, wrap } from '../../../text/wrap.js';
import {
  type Block,
  type Findings,
  type Marks,
  type Paragraph,
  plain,
  type ReportDocument,
  type Section,
  type Table as TableBlock,
  type Text,
  type Tone,
  type VerdictName,
} from '../model.js';
import { VERDICTS } from '../verdict-words.js';

export interface TerminalStyle {
  readonly colors: ChalkInstance;
  /** Width to keep to. */
  readonly columns: number;
}

/** Narrowest that a column of text becomes, and most lines that a cell takes. */
const MIN_WIDTH = 8;
const MAX_LINES = 8;
const MAX_SCOPE_WIDTH = 24;

/**
 * A document for a terminal, but for its last line, {@link verdictLine}. What matters most is at the end, where a
 * terminal still shows it.
 */
export function terminalReport(document: ReportDocument, style: TerminalStyle): string {
  const { verdict, name, intro, alerts, sections, replay } = document;
  const head = [title(verdict, name, style), ...intro.flatMap((block) => blockLines(block, style))];
  const inPlace = (place: Section['place']) => sections.filter((one) => one.place === place);
  const shown = [...inPlace('detail'), ...inPlace('main').reverse()].map((one) =>
    [style.colors.bold(oneLine(one.title)), ...one.blocks.flatMap((block) => blockLines(block, style))].join(
      '\n',
    ),
  );
  const warned = alerts.flatMap((alert) => paragraphLines(alert, style)).join('\n');
  return [
    [...head, ...(warned === '' ? [] : [warned])].join('\n'),
    ...shown,
    warned,
    ...(replay === undefined ? [] : [`  rerun: ${oneLine(replay)}`]),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** A verdict in a sentence: `PASSED smoke: 16 of 16 rules held in 8.5 s`. */
export function verdictLine(
  { verdict, name, sentence }: Pick<ReportDocument, 'verdict' | 'name' | 'sentence'>,
  style: TerminalStyle,
): string {
  const start = `${VERDICTS[verdict].word} ${oneLine(name)}: `;
  const rest =
    widthOf(start) + widthOf(sentence) <= style.columns
      ? ` ${sentence}`
      : ['', ...indented(sentence, style, '  ', '  ')].join('\n');
  return `${title(verdict, name, style)}:${rest}\n`;
}

function title(verdict: VerdictName, name: string, { colors }: TerminalStyle): string {
  const { word, tone } = VERDICTS[verdict];
  return `${paint(tone, colors).bold(word.toUpperCase())} ${colors.bold(oneLine(name))}`;
}

function paint(tone: Tone, colors: ChalkInstance): ChalkInstance {
  return { good: colors.green, bad: colors.red, warn: colors.yellow, muted: colors.dim }[tone];
}

function blockLines(block: Block, style: TerminalStyle): string[] {
  switch (block.kind) {
    case 'paragraph':
      return paragraphLines(block, style);
    case 'list':
      return block.items.flatMap((item) => indented(plain(item), style, '  ', '    '));
    case 'table':
      return tableLines(block, style);
    case 'marks':
      return markLines(block, style);
    case 'findings':
      return findingLines(block, style);
    case 'charts':
    case 'fold':
      return [];
  }
}

/** A sign stands beside the color of what is not good: half of all logs have no colors. */
function paragraphLines({ text, tone }: Paragraph, style: TerminalStyle): string[] {
  const isAlert = tone === 'bad' || tone === 'warn';
  const lines = indented(plain(text), style, isAlert ? '  ! ' : '  ', isAlert ? '    ' : '  ');
  return tone === undefined ? lines : lines.map((line) => paint(tone, style.colors)(line));
}

/** A table without borders. What does not fit is broken in the widest columns of text. */
function tableLines({ columns, rows }: TableBlock, { colors, columns: room }: TerminalStyle): string[] {
  const heads = columns.map(({ name, short }) => short ?? name);
  const cells = rows.map((row) => row.map((cell) => oneLine(plain(cell, false)).trim()));
  const widths = heads.map((head, index) =>
    Math.max(widthOf(head), ...cells.map((row) => widthOf(row[index] ?? ''))),
  );
  for (;;) {
    const over = widths.reduce((sum, width) => sum + width + 2, 0) - room;
    const texts = widths.map((width, index) => (columns[index]?.isNumber === true ? 0 : width));
    const widest = texts.indexOf(Math.max(...texts));
    const width = texts[widest] ?? 0;
    if (over <= 0 || width <= MIN_WIDTH) break;
    // Down to the next widest, so that two long columns share what there is.
    const next = Math.max(MIN_WIDTH, ...texts.filter((_, index) => index !== widest));
    widths[widest] = Math.max(MIN_WIDTH, width - over, Math.min(next, width - 1));
  }
  const grid = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: columns.map(({ isNumber }) => (isNumber === true ? 'right' : 'left')),
  });
  grid.push(heads.map((head) => colors.dim(head)));
  for (const [at, row] of cells.entries()) {
    grid.push(
      row.map((cell, index) => {
        const tone = toneOf(rows[at]?.[index]);
        const width = widths[index] ?? room;
        const lines = wrap(shorten(cell, MAX_LINES * width), width);
        return lines.map((line) => (tone === undefined ? line : paint(tone, colors)(line))).join('\n');
      }),
    );
  }
  return grid
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`);
}

function toneOf(text: Text | undefined): Tone | undefined {
  if (typeof text !== 'object') return undefined;
  return text.flatMap((part) => (typeof part === 'string' ? [] : (part.tone ?? [])))[0];
}

/** A sign, what it is about and its value in a line, if they fit; why below. */
function markLines({ items }: Pick<Marks, 'items'>, style: TerminalStyle): string[] {
  const { colors, columns } = style;
  const all = items.map((item) => ({
    ...item,
    subject: [
      oneLine(item.subject),
      ...(item.scope === undefined ? [] : [shorten(oneLine(item.scope), MAX_SCOPE_WIDTH)]),
    ].join(' '),
    value: { ...item.value, text: oneLine(item.value.text) },
  }));
  const behind = Math.max(...all.map(({ value }) => widthOf(value.text)));
  const longest = Math.max(...all.map(({ subject }) => widthOf(subject)));
  const width = Math.max(20, Math.min(columns - 6 - behind, longest));
  return all.flatMap(({ sign, subject, value, why }) => {
    const start = sign.tone === undefined ? sign.text : paint(sign.tone, colors)(sign.text);
    const shown = value.tone === undefined ? value.text : paint(value.tone, colors)(value.text);
    const parts = wrap(subject, width);
    const last = parts.at(-1) ?? '';
    const isBehind = width + 6 + widthOf(value.text) <= columns;
    return [
      ...parts.slice(0, -1).map((part, index) => `  ${index === 0 ? start : ' '} ${part}`),
      `  ${parts.length <= 1 ? start : ' '} ${last}${isBehind ? `${' '.repeat(width - widthOf(last))}  ${shown}` : ''}`,
      ...(isBehind
        ? []
        : indented(value.text, style, '    ', '    ').map((line) =>
            value.tone === undefined ? line : paint(value.tone, colors)(line),
          )),
      ...(why === undefined ? [] : indented(why, style, '      ', '      ').map((line) => colors.dim(line))),
    ];
  });
}

function findingLines({ groups }: Findings, style: TerminalStyle): string[] {
  return groups.flatMap(({ cards, meanings }) => [
    ...markLines({ items: cards.flatMap(({ findings }) => findings.map(({ mark }) => mark)) }, style),
    ...[...new Set(cards.flatMap(({ evidence }) => evidence))].flatMap((one) =>
      indented(one, style, '    ', '    '),
    ),
    ...meanings.flatMap((meaning) => indented(`What it usually means: ${meaning}`, style, '    ', '    ')),
  ]);
}

/** A text in lines that fit; the first may begin with a sign. */
function indented(text: string, { columns }: TerminalStyle, first: string, rest: string): string[] {
  return wrap(oneLine(text), columns - rest.length).map(
    (line, index) => `${index === 0 ? first : rest}${line}`,
  );
}

/** Text from outside as a part of a line. */
function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' '));
}
