import { compareReports, type ReportComparison } from '../bench/compare/compare.js';
import { type ComparedResult, readResults } from '../bench/compare/comparison.js';
import { withoutCommands } from '../bench/report/formats/annotations.js';
import { markdownDocument } from '../bench/report/formats/markdown.js';
import { terminalReport, verdictLine } from '../bench/report/formats/terminal.js';
import { comparisonDocument } from '../bench/report/sections/comparison.js';
import { compareOptions } from '../options/bench.js';
import { flagOf, resolveOptions } from '../options/spec.js';
import { invalidOption } from '../protocol/errors.js';
import { printable, printableJson } from '../text/printable.js';
import { colorsFor } from './color.js';
import { EXIT } from './exit-codes.js';
import { readInputOrStdin } from './input-files.js';
import type { Io } from './io.js';
import { OutputFiles } from './output-files.js';

const FORMATS = {
  json: (report: ReportComparison) => `${printableJson(report, 2)}\n`,
  markdown: ({ comparisons }: ReportComparison) =>
    comparisons.map((one) => markdownDocument(comparisonDocument(one))).join('\n'),
} as const;

/** Compares two reports, or shows all of a folder; the exit code. */
export async function compare(
  base: string | undefined,
  next: string | undefined,
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(compareOptions, { flags, env: io.env });
  const folder = options.history;
  if (folder !== undefined) {
    if (base !== undefined) throw invalidOption('Pass either two reports or --history, not both.');
    if (options.failOn.length > 0)
      throw invalidOption('--fail-on is for two reports; with --history, no step fails.');
    return (await import('./history.js')).history(folder, options, io);
  }
  if (options.html !== undefined) throw invalidOption('--html needs --history: add it.');
  if (base === undefined || next === undefined) {
    throw invalidOption(
      `Expected two JSON reports, got ${base === undefined ? 'none' : 'one'}. Try: npx datafn-ws compare main.json branch.json, or npx datafn-ws compare --history FOLDER`,
    );
  }
  if (base === '-' && next === '-')
    throw invalidOption('Only one of the two reports can come from stdin, got - twice.');
  const names = { base: 'the baseline', new: 'the newer report' };
  const { json, markdown } = options;
  const files = new OutputFiles(FORMATS, { json, markdown }, io, (key) => `--${flagOf(key)}`);
  const [before, after] = [await readReport(base, names.base, io), await readReport(next, names.new, io)];
  const report = compareReports(before, after, options.failOn, names);
  const areWritten = await files.write(report);
  const output = files.takeStdout ? 'stderr' : 'stdout';
  const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
  const text = report.comparisons
    .map(comparisonDocument)
    .map((one) => `${terminalReport(one, style)}\n${verdictLine(one, style)}`)
    .join('\n');
  io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(text) : text);
  const only = [
    ['Only the baseline has', report.onlyInBase],
    ['The baseline does not have', report.onlyInNew],
  ] as const;
  for (const [what, scenarios] of only) {
    if (scenarios.length > 0) io.stderr.write(`${what} ${printable(scenarios.join(', '))}: not compared\n`);
  }
  if (report.verdict === 'regressed') return EXIT.regressed.code;
  return areWritten ? EXIT.done.code : EXIT.unwritten.code;
}

/**
 * Reads a JSON report of bench from a file, or from stdin for `-`.
 *
 * @param name what to call it in an error, such as `--baseline`.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read or is not such a report.
 */
export async function readReport(file: string, name: string, io: Io): Promise<ComparedResult[]> {
  const json = (await readInputOrStdin(file, name, io)).toString();
  return readResults(json, `${name} (${file === '-' ? 'stdin' : file})`);
}
