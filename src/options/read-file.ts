import { closeSync, constants, createReadStream, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { formatSize } from '../text/units.js';

/** The most that is read of a file that is kept in memory: more than any config, list of tokens or report needs. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Opens a file of any kind as a stream. Waiting for a named pipe or a terminal does not occupy a thread: no signal would
 * end it, and the process could not exit.
 *
 * @throws {Error} why it cannot be opened, a folder included.
 */
export async function openFile(file: string): Promise<Readable> {
  const found = await stat(file);
  if (found.isDirectory()) throw new Error('it is a folder');
  if (!found.isFIFO() && !found.isCharacterDevice()) return createReadStream(file);
  // Without O_NONBLOCK, opening waits for a writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  if (found.isFIFO()) return new Socket({ fd: descriptor, readable: true, writable: false });
  if (isatty(descriptor)) return new ReadStream(descriptor);
  closeSync(descriptor);
  return createReadStream(file);
}

/**
 * Reads a file of any kind, `/dev/stdin` and named pipes included.
 *
 * @throws {Error} why it cannot be read, or that it is longer than {@link MAX_FILE_BYTES}, as a device without an end is.
 */
export async function readFileOfAnyKind(file: string): Promise<Buffer> {
  return readAll(await openFile(file));
}

/**
 * Reads a stream to its end.
 *
 * @throws {Error} when it fails, or is longer than {@link MAX_FILE_BYTES}.
 */
export async function readAll(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_FILE_BYTES) throw new Error(`expected at most ${formatSize(MAX_FILE_BYTES)}, got more`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
