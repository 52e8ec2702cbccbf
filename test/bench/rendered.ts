import { Chalk } from 'chalk';
import type { Comparison } from '../../src/bench/compare/comparison.js';
import { markdownDocument } from '../../src/bench/report/formats/markdown.js';
import {
  terminalReport as render,
  type TerminalStyle,
  verdictLine,
} from '../../src/bench/report/formats/terminal.js';
import type { JsonResult } from '../../src/bench/report/schema.js';
import { comparisonDocument } from '../../src/bench/report/sections/comparison.js';
import { reportDocument } from '../../src/bench/report/sections/document.js';

const PLAIN: TerminalStyle = { colors: new Chalk({ level: 0 }), columns: 80 };

/** A result as a terminal shows it. */
export const terminalReport = (result: JsonResult, style = PLAIN): string =>
  render(reportDocument(result), style);

/** The last line of a run. */
export const verdictText = (result: JsonResult): string =>
  verdictLine(reportDocument(result), PLAIN).trimEnd();

/** A comparison as `compare` shows it. */
export function terminalComparison(comparison: Comparison, style = PLAIN): string {
  const document = comparisonDocument(comparison);
  return `${render(document, style)}\n${verdictLine(document, style)}`;
}

/** A comparison as `compare --markdown` writes it. */
export const markdownComparison = (comparison: Comparison): string =>
  markdownDocument(comparisonDocument(comparison));
