import { access, constants, open, readFile, realpath, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatafnLogger } from '../../manager/types.js';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import { linesOf, restore, snapshotOf } from './state-text.js';
import type { Store } from './store.js';

/** How long after a change it is saved, together with those that have come since. */
const SAVE_AFTER_MS = 2000;
/** Text that is written in one go; the event loop runs in between. */
const CHUNK_LENGTH = 256 * 1024;

/** Keeps a store in a file: saved a few seconds after a change, and at the end. */
export class StateFile {
  #timer: NodeJS.Timeout | undefined;
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param file the file itself; a link to it has been followed. */
  private constructor(
    private readonly file: string,
    private readonly store: Store,
    private readonly logger: DatafnLogger,
    private readonly saveAfterMs: number,
  ) {}

  /**
   * Reads a file into a store; one that is not there yet is written.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a file that cannot be read or written, or is broken: with the place.
   */
  static async load(
    given: string,
    store: Store,
    logger: DatafnLogger,
    saveAfterMs: number = SAVE_AFTER_MS,
  ): Promise<StateFile> {
    try {
      const file = await realpath(given).catch(() => given);
      const state = new StateFile(file, store, logger, saveAfterMs);
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) await state.#write();
      else {
        await access(dirname(file), constants.W_OK);
        state.#restore(given, text);
      }
      return state;
    } catch (error) {
      if (!(error instanceof Error) || !('errno' in error)) throw error;
      throw invalidOption(
        `Expected --backend-file (\`backendFile\`) to be a file that can be read and written: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** The store has changed. */
  changed(): void {
    this.#isDirty = true;
    this.#timer ??= setTimeout(() => this.#save(), this.saveAfterMs).unref();
  }

  /** Saves what has not been saved. Call it when nothing changes any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isDirty) this.#save();
    await this.#saving;
  }

  #restore(given: string, text: string): void {
    const problem = restore(text, this.store);
    if (problem !== undefined) {
      throw invalidOption(
        `${given}:${problem}\nThe backend's data is not read from a broken file: mend it, or move it away to begin with none`,
      );
    }
    if (this.store.bytes > this.store.maxBytes) {
      throw invalidOption(
        `Expected the data in ${given} to take at most --backend-max (\`backendMaxBytes\`), ${this.store.maxBytes} bytes, got ${this.store.bytes}`,
      );
    }
  }

  #save(): void {
    this.#timer = undefined;
    this.#isDirty = false;
    this.#saving = this.#saving
      .then(() => this.#write())
      .then(
        () => {
          this.#hasFailed = false;
        },
        (error: unknown) => {
          // It is tried again with the next change; of several failures the first is logged.
          this.#isDirty = true;
          if (!this.#hasFailed)
            this.logger.error('The data of the backend could not be saved', {
              file: this.file,
              error: messageOf(error),
            });
          this.#hasFailed = true;
        },
      );
  }

  /** Writes a file of its own, and puts it in the place of the old one when it is complete. */
  async #write(): Promise<void> {
    const unfinished = `${this.file}.tmp`;
    // Rows are people's data, if only those of a developer.
    const handle = await open(unfinished, 'w', 0o600);
    try {
      let chunk = '';
      for (const line of linesOf(snapshotOf(this.store))) {
        chunk += `${line}\n`;
        if (chunk.length < CHUNK_LENGTH) continue;
        await handle.write(chunk);
        chunk = '';
      }
      await handle.write(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, this.file);
  }
}
