import { printable } from '../../../text/printable.js';
import { formatCount } from '../../../text/units.js';
import { type Block, plain, type ReportDocument, type Section, type Text } from '../model.js';
import type { JsonReport } from '../schema.js';
import { reportDocument } from '../sections/document.js';
import { VERDICTS } from '../verdict-words.js';

const ALL = Number.POSITIVE_INFINITY;
/** Lengths of tables that are tried where the whole report must fit. */
const LENGTHS = [ALL, 1000, 100, 10] as const;
const REST = '\n> The rest did not fit. The reports of `--json` and `--html` are complete.\n';
const END_OF_DETAILS = '\n</details>\n';

/** The result as Markdown, for a pull request. */
export function markdownReport(report: JsonReport): string {
  return rendered(report.results.map(reportDocument), report.notRun, ALL);
}

/** The report of at most so many bytes: with tables as long as fits; if even short ones do not, its beginning. */
export function markdownSummary({ results, notRun }: JsonReport, maxBytes: number): string {
  const documents = results.map(reportDocument);
  let text = '';
  for (const most of LENGTHS) {
    text = rendered(documents, notRun, most);
    if (Buffer.byteLength(text) <= maxBytes) return text;
  }
  let left = maxBytes - Buffer.byteLength(END_OF_DETAILS + REST);
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    left -= Buffer.byteLength(line) + 1;
    if (left < 0) break;
    lines.push(line);
  }
  if (lines.length === 0) return '';
  const isOpen =
    lines.findLastIndex((line) => line.startsWith('<details>')) > lines.lastIndexOf('</details>');
  return `${lines.join('\n')}\n${isOpen ? END_OF_DETAILS : ''}${REST}`;
}

function rendered(documents: readonly ReportDocument[], notRun: JsonReport['notRun'], most: number): string {
  const { icon, word } = VERDICTS.aborted;
  const missing = notRun.map(
    ({ name, reason }) => `## ${icon} ${word}: ${escaped(name)} was not run\n\n> ${escaped(reason)}\n`,
  );
  return [...documents.map((one) => markdownDocument(one, most)), ...missing].join('\n');
}

/**
 * A document as Markdown.
 *
 * @param most rows of a table and lines of a list; of more, the last counts the rest. Default: all.
 */
export function markdownDocument(document: ReportDocument, most = ALL): string {
  const { verdict, name, intro, alerts, sections, replay } = document;
  const part = ({ title, blocks }: Section) => [
    `### ${escaped(title)}`,
    ...blocks.map((block) => blockOf(block, most)),
  ];
  const inPlace = (place: Section['place']) => sections.filter((one) => one.place === place).flatMap(part);
  const warned = few(
    alerts.map(({ text }) => `> ${textOf(text)}`),
    most,
    (more) => `> ${more}`,
  );
  const details = inPlace('detail');
  return [
    `## ${VERDICTS[verdict].icon} ${VERDICTS[verdict].word}: ${escaped(name)}`,
    ...[...intro.map((block) => blockOf(block, most)), ...warned],
    ...inPlace('main'),
    ...(details.length === 0 ? [] : ['<details><summary>All numbers</summary>', ...details, '</details>']),
    ...(replay === undefined ? [] : [`Run it again: ${code(replay)}`]),
  ]
    .filter((one) => one !== '')
    .join('\n\n')
    .concat('\n');
}

function blockOf(block: Block, most: number): string {
  switch (block.kind) {
    case 'paragraph':
      return block.tone === 'bad' || block.tone === 'warn' ? `> ${textOf(block.text)}` : textOf(block.text);
    case 'list':
      return few(
        block.items.map((item) => `- ${textOf(item)}`),
        most,
        (more) => `- ${more}`,
      ).join('\n');
    case 'table':
      return grid(
        block.columns.map(({ name }) => escaped(name)),
        block.rows.map((row) => row.map(cellOf)),
        most,
      );
    case 'marks': {
      const isExplained = block.items.some(({ why }) => why !== undefined);
      const width = isExplained ? 4 : 3;
      const rows = block.items.map(({ sign, subject, scope, value, why }) => [
        escaped(sign.text),
        `${cellCode(subject)}${scope === undefined ? '' : ` ${escaped(scope)}`}`,
        ...[escaped(value.text), escaped(why ?? '')],
      ]);
      return grid(
        ['', ...block.heads].slice(0, width),
        rows.map((row) => row.slice(0, width)),
        most,
      );
    }
    case 'findings':
      return few(
        block.groups.flatMap(({ cards, meanings }) => {
          const rules = cards.flatMap(({ findings }) => findings.map(({ mark }) => code(mark.subject)));
          const evidence = [...new Set(cards.flatMap((card) => card.evidence))];
          const named = few(rules, most, (more) => more).join(', ');
          return [
            `- ${[named, ...meanings.map(escaped)].join(': ')}`,
            ...few(
              evidence.map((one) => `  - ${escaped(one)}`),
              most,
              (more) => `  - ${more}`,
            ),
          ];
        }),
        most,
        (more) => `- ${more}`,
      ).join('\n');
    case 'fold':
      return `<details><summary>${escaped(block.summary)}</summary>\n\n${blockOf(block.block, most)}\n\n</details>`;
    case 'charts':
      return '';
  }
}

function grid(heads: readonly string[], rows: readonly (readonly string[])[], most: number): string {
  const line = (cells: readonly string[]) =>
    `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`;
  // What is left out is counted where there is room for words.
  const rest = (more: string) => line(heads.map((_, index) => (index === 1 ? more : '')));
  const head = [line(heads), `|${heads.map(() => '---|').join('')}`];
  return [...head, ...few(rows.map(line), most, rest)].join('\n');
}

function textOf(text: Text): string {
  if (typeof text === 'string') return escaped(text);
  return text
    .map((part) =>
      typeof part === 'string' ? escaped(part) : part.look === 'code' ? code(part.text) : escaped(part.text),
    )
    .join('');
}

function cellOf(text: Text): string {
  return typeof text === 'object' && text.some((part) => typeof part === 'object' && part.look === 'code')
    ? cellCode(plain(text, false))
    : escaped(plain(text, false));
}

/** Text that stays in its line or cell, and means nothing to Markdown or HTML. */
function escaped(text: string): string {
  return oneLine(text).replace(
    /^(?:[-+=]|:(?=:))|[\\`*_{}[\]<>#|~&]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** Text as code; its own backticks do not end it. */
function code(text: string): string {
  const safe = oneLine(text);
  const fence = '`'.repeat(Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}

/** Text as code in a cell, which a pipe would end. */
function cellCode(text: string): string {
  return code(text).replaceAll('|', '\\|');
}

/** At most so many lines; of more, the last counts the rest. */
function few(lines: readonly string[], most: number, lineOf: (more: string) => string): readonly string[] {
  if (lines.length <= most) return lines;
  const shown = lines.slice(0, most - 1);
  return [...shown, lineOf(`and ${formatCount(lines.length - shown.length)} more`)];
}

/** Text from outside as a part of a line. */
function oneLine(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '));
}
