import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { readResults } from '../bench/compare/comparison.js';
import { historiesOf, type NamedReport, type ScenarioHistory } from '../bench/history/history.js';
import { withoutCommands } from '../bench/report/formats/annotations.js';
import { markdownDocument } from '../bench/report/formats/markdown.js';
import { terminalReport, verdictLine } from '../bench/report/formats/terminal.js';
import { historyDocument } from '../bench/report/sections/history.js';
import type { compareOptions } from '../options/bench.js';
import { flagOf, type Resolved } from '../options/spec.js';
import { DatafnWsError, invalidOption } from '../protocol/errors.js';
import { printable, printableJson } from '../text/printable.js';
import { formatAmount } from '../text/units.js';
import { colorsFor } from './color.js';
import { EXIT } from './exit-codes.js';
import { fileProblem, readInput } from './input-files.js';
import type { Io } from './io.js';
import { OutputFiles } from './output-files.js';

const NAME = '--history';

/** Shows how the metrics of all reports in a folder developed; the exit code. */
export async function history(
  folder: string,
  { json, markdown, html }: Resolved<typeof compareOptions>,
  io: Io,
): Promise<number> {
  const page = html === undefined ? undefined : await import('../bench/report/formats/html.js');
  const formats = {
    json: (histories: readonly ScenarioHistory[]) =>
      `${printableJson({ version: 1, scenarios: histories }, 2)}\n`,
    markdown: (histories: readonly ScenarioHistory[]) =>
      histories.map((one) => markdownDocument(historyDocument(one))).join('\n'),
    html: (histories: readonly ScenarioHistory[]) => {
      const documents = histories.map(historyDocument);
      const [verdict = 'same'] = (['warned', 'improved', 'same'] as const).filter((one) =>
        documents.some((document) => document.verdict === one),
      );
      return page?.htmlPage(verdict, documents) ?? '';
    },
  };
  const files = new OutputFiles(formats, { json, markdown, html }, io, (key) => `--${flagOf(key)}`);
  const histories = historiesOf(await readReports(folder, io));
  const areWritten = await files.write(histories);
  const output = files.takeStdout ? 'stderr' : 'stdout';
  const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
  const text = histories
    .map(historyDocument)
    .map((one) => `${terminalReport(one, style)}\n${verdictLine(one, style)}`)
    .join('\n');
  io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(text) : text);
  return areWritten ? EXIT.done.code : EXIT.unwritten.code;
}

/**
 * Reads every report in a folder and the folders in it. Other JSON is skipped, with a word on stderr.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the folder cannot be read, or has no report.
 */
async function readReports(folder: string, io: Io): Promise<NamedReport[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOTDIR' ? `${folder} is a file` : fileProblem(folder, error);
    throw invalidOption(`Expected ${NAME} to be a folder of JSON reports: ${problem}`, { cause: error });
  });
  const reports: NamedReport[] = [];
  const skipped: string[] = [];
  for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
    const path = join(folder, name);
    try {
      const results = readResults((await readInput(path, NAME)).toString(), name);
      reports.push({ file: relative(folder, path), results });
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
      skipped.push(error.message);
    }
  }
  for (const why of skipped) io.stderr.write(`skipped: ${printable(why)}\n`);
  if (reports.length > 0) return reports;
  const found = skipped.length === 0 ? 'none' : `${formatAmount(skipped.length, 'other JSON file')}`;
  throw invalidOption(
    `Expected ${NAME} to be a folder of JSON reports, got ${found} in ${folder}; make one with: npx datafn-ws bench --json ${join(folder, 'FILE.json')}.`,
  );
}
