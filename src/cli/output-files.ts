import { closeSync, constants, existsSync, openSync, realpathSync, statSync, unlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { resolve } from 'node:path';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { printable } from '../text/printable.js';
import { colorsFor } from './color.js';
import type { Io } from './io.js';

/** What is written: by the name of the flag that asks for it, how the content becomes its text. */
export type Formats<Content> = Readonly<Record<string, (content: Content) => string>>;

/** The files that flags such as `--json FILE` asked for; `-` is stdout. */
export class OutputFiles<Content> {
  readonly #wanted: readonly { readonly flag: string; readonly file: string; readonly format: string }[];
  /** Named pipes among the files. They stay open: a reader takes a close for the end. */
  readonly #pipes = new Map<string, Socket>();

  /**
   * Makes sure, before there is anything to write, that every file can be written.
   *
   * @param files file by format; `undefined` for one that was not asked for.
   * @param flagOf the flag of a format, as a user types it.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for one that cannot.
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
      throw new DatafnWsError('ERR_INVALID_OPTION', `Expected one report on stdout, got ${flags}.`);
    }
    const flagByFile = new Map<string, string>();
    for (const { flag, file } of this.#wanted) {
      if (file === '-') continue;
      const other = flagByFile.get(resolve(file));
      if (other !== undefined) {
        throw new DatafnWsError(
          'ERR_INVALID_OPTION',
          `Expected ${other} and ${flag} to be two files, got ${file} for both.`,
        );
      }
      flagByFile.set(resolve(file), flag);
      const pipe = checkWritable(flag, file);
      if (pipe !== undefined) this.#pipes.set(file, pipe);
    }
  }

  /** Whether stdout belongs to one of them, so that nothing else may go there. */
  get takeStdout(): boolean {
    return this.#wanted.some(({ file }) => file === '-');
  }

  /**
   * Writes all of them, and says so on stderr; of one that cannot be written, why not.
   *
   * @returns whether every one is there.
   */
  async write(content: Content): Promise<boolean> {
    let isComplete = true;
    for (const { flag, file, format } of this.#wanted) {
      const text = this.formats[format]?.(content) ?? '';
      if (file === '-') this.io.stdout.write(text);
      else if (await tryToWrite(this.io, `${flag} ${file}`, () => this.#write(file, text)))
        this.io.stderr.write(`wrote ${printable(file)}\n`);
      else isComplete = false;
    }
    return isComplete;
  }

  #write(file: string, text: string): Promise<void> {
    const pipe = this.#pipes.get(file);
    if (pipe === undefined) return writeFile(file, text);
    return new Promise((resolve, reject) => pipe.once('error', reject).end(text, () => resolve()));
  }
}

/** Writes something, and says on stderr if that fails; whether it went well. */
export async function tryToWrite(io: Io, what: string, write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    const word = colorsFor(io, 'stderr').red('error:');
    io.stderr.write(`${word} Cannot write ${printable(what)}: ${printable(messageOf(error))}\n`);
    return false;
  }
}

/**
 * Opens the file for writing, and leaves no trace: an empty file would look like a report if none came to be written.
 *
 * @returns the open end of a named pipe.
 */
function checkWritable(flag: string, file: string): Socket | undefined {
  try {
    const isThere = existsSync(file);
    if (isThere && statSync(file).isFIFO()) return openPipe(file);
    closeSync(openSync(file, 'a'));
    // Not the link, where there is one.
    if (!isThere) unlinkSync(realpathSync(file));
    return undefined;
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected ${flag} to be a file that can be written: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Opens a named pipe without waiting for a reader: that would stop the process, and no signal would end it. */
function openPipe(file: string): Socket {
  try {
    const descriptor = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK);
    // A reader that leaves is seen when there is something to write.
    return new Socket({ fd: descriptor, readable: false, writable: true }).on('error', () => {}).unref();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    throw new Error('nothing reads from this named pipe; start what reads from it first', { cause: error });
  }
}
