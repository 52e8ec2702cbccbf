import { closeSync, openSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { htmlReport } from '../../bench/report/html.js';
import type { JsonReport, JsonResult } from '../../bench/report/json.js';
import { junitReport } from '../../bench/report/junit.js';
import { markdownReport } from '../../bench/report/markdown.js';
import type { BenchOptions } from '../../options/bench.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';

/** Every format, and how a report becomes it. */
const FORMATS = {
  json: (report: JsonReport) => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: ({ results }: JsonReport) => junitReport(results),
  markdown: ({ results }: JsonReport) => markdownReport(results),
  html: htmlReport,
} as const;

type Format = keyof typeof FORMATS;

/** The reports that were asked for, and where they go. */
export class ReportFiles {
  readonly #wanted: readonly { readonly format: Format; readonly file: string }[];

  /**
   * Makes sure, before anything is run, that every file can be written.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for one that cannot.
   */
  constructor(
    options: BenchOptions,
    private readonly io: Io,
  ) {
    this.#wanted = (Object.keys(FORMATS) as Format[]).flatMap((format) => {
      const file = options[format];
      return file === undefined ? [] : [{ format, file }];
    });
    const toStdout = this.#wanted.filter(({ file }) => file === '-');
    if (toStdout.length > 1) {
      const flags = toStdout.map(({ format }) => `--${format} -`).join(' and ');
      throw new DatafnWsError('ERR_INVALID_OPTION', `Expected one report on stdout, got ${flags}.`);
    }
    for (const { format, file } of this.#wanted) {
      if (file !== '-') checkWritable(format, file);
    }
  }

  /** Whether stdout belongs to a report, so that nothing else may go there. */
  get takeStdout(): boolean {
    return this.#wanted.some(({ file }) => file === '-');
  }

  /** Writes every report, and what GitHub Actions wants to know when it runs there. */
  async write(report: JsonReport): Promise<void> {
    for (const { format, file } of this.#wanted) {
      const text = FORMATS[format](report);
      if (file === '-') this.io.stdout.write(text);
      else await writeFile(file, text);
    }
    const { GITHUB_STEP_SUMMARY: summary, GITHUB_ACTIONS: actions } = this.io.env;
    if (summary) {
      await appendFile(summary, markdownReport(report.results)).catch((error: unknown) => {
        this.io.stderr.write(`Cannot write the job summary: ${messageOf(error)}\n`);
      });
    }
    if (actions === 'true') {
      const stream = this.takeStdout ? this.io.stderr : this.io.stdout;
      for (const result of report.results) stream.write(annotations(result));
    }
  }
}

/** Opens the file for writing without touching what is in it. */
function checkWritable(format: Format, file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --${format} to be a file that can be written: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** What failed, as workflow commands of GitHub Actions that point at the rule in the scenario file. */
function annotations({ scenario, expectations, invalid, problems }: JsonResult): string {
  const failed = expectations
    .filter(({ passed }) => !passed)
    .map(({ rule, line, shown }) => ({ line, message: `expected ${rule}, got ${shown}` }));
  const mishaps = [...invalid, ...problems].map((message) => ({ line: 1, message }));
  return [...failed, ...mishaps]
    .map(({ line, message }) => {
      const where = `file=${property(scenario.source)},line=${line},title=${property(`bench ${scenario.name}`)}`;
      return `::error ${where}::${data(message)}\n`;
    })
    .join('');
}

/** The message of a workflow command, escaped as GitHub's toolkit does. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A property of a workflow command. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
