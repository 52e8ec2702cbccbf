import { isAbsolute, relative, resolve } from 'node:path';
import { crashText } from '../../bench/model/result.js';
import { annotations } from '../../bench/report/formats/annotations.js';
import type { Renderers } from '../../bench/report/formats/index.js';
import type { JsonReport } from '../../bench/report/schema.js';
import { flagOf } from '../../options/spec.js';
import type { Io } from '../io.js';
import { type Formats, OutputFiles, tryToWrite } from '../output-files.js';
import { appendJobSummary } from './job-summary.js';

/** The reports that were asked for, and where they go. */
export class ReportFiles {
  readonly #files: OutputFiles<JsonReport>;
  /** The first error of a format that could not be made: a bug in datafn-ws. */
  #crash: { readonly error: unknown } | undefined;

  /**
   * Makes sure, before anything is run, that every file can be written.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for one that cannot.
   */
  constructor(
    renderers: Renderers,
    wanted: Readonly<Partial<Record<keyof Renderers, string | undefined>>>,
    private readonly io: Io,
  ) {
    this.#files = new OutputFiles(this.#safely(renderers), wanted, io, (key) => `--${flagOf(key)}`);
  }

  /** Whether stdout belongs to a report, so that nothing else may go there. */
  get takeStdout(): boolean {
    return this.#files.takeStdout;
  }

  /**
   * Writes every report, and what GitHub Actions wants to know when it runs there. One that cannot be written is
   * said on stderr, and the others still are.
   *
   * @returns whether every file that was asked for is there.
   * @throws what a format has thrown, when every file has been written: a bug in datafn-ws, and the file of that format says
   *   nothing else.
   */
  async write(report: JsonReport): Promise<boolean> {
    const isComplete = await this.#files.write(report);
    const { GITHUB_STEP_SUMMARY: summary, GITHUB_ACTIONS: actions } = this.io.env;
    if (summary) {
      await tryToWrite(this.io, 'the job summary', () => appendJobSummary(summary, report));
    }
    if (actions === 'true') {
      const stream = this.takeStdout ? this.io.stderr : this.io.stdout;
      stream.write(annotations(report, (source) => this.#pathInRepository(source)));
    }
    if (this.#crash !== undefined) throw this.#crash.error;
    return isComplete;
  }

  /** The same formats, where one that throws becomes a report that nothing was run, and why. */
  #safely(formats: Formats<JsonReport>): Formats<JsonReport> {
    const safely = (make: (report: JsonReport) => string) => (report: JsonReport) => {
      try {
        return make(report);
      } catch (error) {
        this.#crash ??= { error };
        return make(withoutResults(report, crashText(error)));
      }
    };
    return Object.fromEntries(Object.entries(formats).map(([name, make]) => [name, safely(make)]));
  }

  /** A scenario file as GitHub knows it, if it is in the repository that was checked out. */
  #pathInRepository(source: string): string {
    const { GITHUB_WORKSPACE: root } = this.io.env;
    if (!root) return source;
    const path = relative(root, resolve(source));
    return path.startsWith('..') || isAbsolute(path) ? source : path.replaceAll('\\', '/');
  }
}

function withoutResults({ version, results, notRun }: JsonReport, reason: string): JsonReport {
  const without = results.map(({ scenario: { name, source } }) => ({ name, source, reason }));
  return { version, verdict: 'aborted', results: [], notRun: [...without, ...notRun] };
}
