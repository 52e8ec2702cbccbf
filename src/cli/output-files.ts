import { closeSync, openSync, realpathSync, statSync, unlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type DatafnWsError, invalidOption, messageOf } from '../protocol/errors.js';
import { printable } from '../text/printable.js';
import { colorsFor } from './color.js';
import { errorLine } from './error-line.js';
import { fileProblem } from './input-files.js';
import type { Io } from './io.js';

/** How content becomes text, by the key of the flag that asks for it. */
export type Formats<Content> = Readonly<Record<string, (content: Content) => string>>;

/** The files that flags such as `--json FILE` asked for; `-` is stdout. */
export class OutputFiles<Content> {
  readonly #wanted: readonly { readonly flag: string; readonly file: string; readonly format: string }[];

  /**
   * Checks that every file can be written, before there is anything to write.
   *
   * @param files file by format; `undefined` for one that was not asked for.
   * @param flagOf the flag of a format, as a user types it.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a file that cannot be written.
   */
  constructor(
    private readonly formats: Formats<Content>,
    files: Readonly<Record<string, string | undefined>>,
    private readonly io: Io,
    flagOf: (format: string) => string,
  ) {
    this.#wanted = Object.keys(formats).flatMap((format) => {
      const file = files[format];
      return file === undefined ? [] : [{ flag: flagOf(format), file, format }];
    });
    const toStdout = this.#wanted.filter(({ file }) => file === '-');
    if (toStdout.length > 1) {
      const flags = toStdout.map(({ flag }) => `${flag} -`).join(' and ');
      throw invalidOption(`Expected one report on stdout, got ${flags}.`);
    }
    const flagByFile = new Map<string, string>();
    for (const { flag, file } of this.#wanted) {
      if (file === '-') continue;
      const other = flagByFile.get(resolve(file));
      if (other !== undefined)
        throw invalidOption(`Expected ${other} and ${flag} to be two files, got ${file} for both.`);
      flagByFile.set(resolve(file), flag);
      checkWritable(flag, file);
    }
  }

  /** Whether one of them goes to stdout, so that nothing else may. */
  get takeStdout(): boolean {
    return this.#wanted.some(({ file }) => file === '-');
  }

  /**
   * Writes all of them, and reports each on stderr.
   *
   * @returns whether every one was written.
   */
  async write(content: Content): Promise<boolean> {
    let isComplete = true;
    for (const { flag, file, format } of this.#wanted) {
      const text = this.formats[format]?.(content) ?? '';
      if (file === '-') this.io.stdout.write(text);
      else if (await tryToWrite(this.io, `${flag} ${file}`, () => writeFile(file, text)))
        this.io.stderr.write(`wrote ${printable(file)}\n`);
      else isComplete = false;
    }
    return isComplete;
  }
}

/** Writes something. Reports a failure on stderr, and returns false. */
export async function tryToWrite(io: Io, what: string, write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    io.stderr.write(errorLine(`Cannot write ${what}: ${messageOf(error)}`, colorsFor(io, 'stderr')));
    return false;
  }
}

/** Opens the file for writing, and leaves no trace: an empty file would look like a report if none was written. */
function checkWritable(flag: string, file: string): void {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    // Opening a named pipe would wait for its reader.
    if (found?.isFIFO()) return;
    closeSync(openSync(file, 'a'));
    // The target of a link, not the link.
    if (found === undefined) unlinkSync(realpathSync(file));
  } catch (error) {
    throw unwritable(flag, file, error);
  }
}

function unwritable(flag: string, file: string, error: unknown): DatafnWsError {
  const { code } = error as NodeJS.ErrnoException;
  // The file itself would have been created.
  const problem = code === 'ENOENT' ? fileProblem(dirname(file), error) : fileProblem(file, error);
  return invalidOption(`Cannot write ${flag}: ${problem}`, { cause: error });
}
