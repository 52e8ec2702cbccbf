import { markdownReport } from './markdown.js';
import type { JsonReport } from './schema.js';

/** Lengths that tables are tried with. */
const MOST = [Number.POSITIVE_INFINITY, 1000, 100, 10] as const;

const CUT = '\n> It was cut here: more does not fit. The reports of `--json` and `--html` have all of it.\n';
const END_OF_DETAILS = '\n</details>\n';

/**
 * The report as Markdown of at most so many bytes: with tables as long as fits; if even short ones do not, its
 * beginning. What is left out is said.
 */
export function markdownSummary(report: JsonReport, maxBytes: number): string {
  let text = '';
  for (const most of MOST) {
    text = markdownReport(report, most);
    if (Buffer.byteLength(text) <= maxBytes) return text;
  }
  return beginningOf(text, maxBytes);
}

/** Whole lines from the beginning of a text, with a note that there was more. */
function beginningOf(text: string, maxBytes: number): string {
  let left = maxBytes - Buffer.byteLength(END_OF_DETAILS + CUT);
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    left -= Buffer.byteLength(line) + 1;
    if (left < 0) break;
    lines.push(line);
  }
  if (lines.length === 0) return '';
  const isOpen =
    lines.findLastIndex((line) => line.startsWith('<details>')) > lines.lastIndexOf('</details>');
  return `${lines.join('\n')}\n${isOpen ? END_OF_DETAILS : ''}${CUT}`;
}
