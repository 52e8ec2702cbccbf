import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { readAll, readFileOfAnyKind } from '../../src/options/read-file.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-read-'));
const inFolder = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const onPosix = test.skipIf(process.platform === 'win32');

test('reads a file, and what a link leads to', async () => {
  writeFileSync(inFolder('file'), 'text');
  symlinkSync('file', inFolder('link'));
  expect((await readFileOfAnyKind(inFolder('file'))).toString()).toBe('text');
  expect((await readFileOfAnyKind(inFolder('link'))).toString()).toBe('text');
});

onPosix(
  'reads a named pipe to its end, however late something writes to it, and in the meantime all else',
  async () => {
    const pipes = Array.from({ length: 8 }, (_, index) => inFolder(`pipe-${index}`));
    execFileSync('mkfifo', pipes);
    // More than there are threads for files: these wait in none of them.
    const reading = pipes.map((pipe) => readFileOfAnyKind(pipe));
    writeFileSync(inFolder('meanwhile'), 'text');
    expect((await readFileOfAnyKind(inFolder('meanwhile'))).toString()).toBe('text');
    const long = 'x'.repeat(300_000);
    for (const pipe of pipes) createWriteStream(pipe).end(long);
    for (const bytes of await Promise.all(reading)) expect(bytes.toString()).toBe(long);
  },
);

describe('says why not', () => {
  test('a folder', async () => {
    await expect(readFileOfAnyKind(folder)).rejects.toThrow('it is a folder');
  });

  test('nothing, a link to nothing, and a link to itself', async () => {
    symlinkSync('nothing', inFolder('dangling'));
    symlinkSync('loop', inFolder('loop'));
    await expect(readFileOfAnyKind(inFolder('nothing'))).rejects.toThrow('ENOENT');
    await expect(readFileOfAnyKind(inFolder('dangling'))).rejects.toThrow('ENOENT');
    await expect(readFileOfAnyKind(inFolder('loop'))).rejects.toThrow('ELOOP');
  });

  onPosix('a device without an end, of which no more than 64 MiB is kept', async () => {
    await expect(readFileOfAnyKind('/dev/zero')).rejects.toThrow('expected at most 64 MiB, got more');
  });

  test('a stream without an end, which is ended', async () => {
    const endless = new Readable({ read: () => endless.push(Buffer.alloc(1024 * 1024)) });
    await expect(readAll(endless)).rejects.toThrow('expected at most 64 MiB, got more');
    expect(endless.destroyed).toBe(true);
  });
});
