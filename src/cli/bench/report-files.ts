import { closeSync, openSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { annotations } from '../../bench/report/annotations.js';
import { htmlReport } from '../../bench/report/html.js';
import { junitReport } from '../../bench/report/junit.js';
import { markdownReport } from '../../bench/report/markdown.js';
import type { JsonReport } from '../../bench/report/schema.js';
import type { BenchOptions } from '../../options/bench.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { printable } from '../../protocol/printable.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';

/** Every format, and how a report becomes it. */
const FORMATS = {
  json: (report: JsonReport) => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: junitReport,
  markdown: markdownReport,
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
    const flagOf = new Map<string, Format>();
    for (const { format, file } of this.#wanted) {
      if (file === '-') continue;
      const other = flagOf.get(resolve(file));
      if (other !== undefined) {
        throw new DatafnWsError(
          'ERR_INVALID_OPTION',
          `Expected --${other} and --${format} to be two files, got ${file} for both.`,
        );
      }
      flagOf.set(resolve(file), format);
      checkWritable(format, file);
    }
  }

  /** Whether stdout belongs to a report, so that nothing else may go there. */
  get takeStdout(): boolean {
    return this.#wanted.some(({ file }) => file === '-');
  }

  /**
   * Writes every report, and what GitHub Actions wants to know when it runs there. One that cannot be written is
   * said on stderr, and the others still are.
   *
   * @returns whether every file that was asked for is there.
   */
  async write(report: JsonReport): Promise<boolean> {
    let isComplete = true;
    for (const { format, file } of this.#wanted) {
      const text = FORMATS[format](report);
      if (file === '-') this.io.stdout.write(text);
      else isComplete = (await this.#try(`--${format} ${file}`, () => writeFile(file, text))) && isComplete;
    }
    const { GITHUB_STEP_SUMMARY: summary, GITHUB_ACTIONS: actions } = this.io.env;
    if (summary) await this.#try('the job summary', () => appendFile(summary, markdownReport(report)));
    if (actions === 'true') {
      const stream = this.takeStdout ? this.io.stderr : this.io.stdout;
      stream.write(annotations(report, (source) => this.#pathInRepository(source)));
    }
    return isComplete;
  }

  async #try(what: string, write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      const word = colorsFor(this.io, 'stderr').red('error:');
      this.io.stderr.write(`${word} Cannot write ${printable(what)}: ${printable(messageOf(error))}\n`);
      return false;
    }
  }

  /** A scenario file as GitHub knows it, if it is in the repository that was checked out. */
  #pathInRepository(source: string): string {
    const { GITHUB_WORKSPACE: root } = this.io.env;
    if (!root) return source;
    const path = relative(root, resolve(source));
    return path.startsWith('..') || isAbsolute(path) ? source : path.replaceAll('\\', '/');
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
      { cause: error },
    );
  }
}
