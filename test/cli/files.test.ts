import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { fileProblem, readInput, readInputOrStdin } from '../../src/cli/input-files.js';
import type { Io } from '../../src/cli/io.js';
import { OutputFiles } from '../../src/cli/output-files.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { folder, path } = temporaryFolder('files');

test('a file that cannot be read is an option that is wrong, and says which and why', async () => {
  const wrong = { code: 'ERR_INVALID_OPTION' };
  await expect(readInput(folder, '--jwt-secret-file')).rejects.toMatchObject({
    ...wrong,
    message: expect.stringMatching(/^Cannot read --jwt-secret-file: /),
  });
  const stdin = new Readable({ read: () => void stdin.destroy(new Error('it was closed')) });
  await expect(readInputOrStdin('-', '--file', { stdin } as unknown as Io)).rejects.toMatchObject({
    ...wrong,
    message: 'Cannot read --file: it was closed',
  });
});

test.each(['EACCES', 'EPERM'])('a file with %s is one to check the mode of', (code) => {
  const error = Object.assign(new Error('no'), { code });
  expect(fileProblem('/a/secret', error)).toBe('no permission for /a/secret. Check its mode and owner');
});

test('a report that can no longer be written is an error, and the others are written', async () => {
  const said: string[] = [];
  const stderr = { write: (text: string) => said.push(text), isTTY: false };
  const gone = path('gone');
  mkdirSync(gone);
  const files = { html: join(gone, 'report.html'), json: path('report.json') };
  const formats = { html: () => '<p>', json: () => '{}' };
  const output = new OutputFiles(formats, files, { stderr, env: {} } as unknown as Io, (name) => `--${name}`);
  rmSync(gone, { recursive: true });
  expect(await output.write(undefined)).toBe(false);
  expect(said).toEqual([
    expect.stringMatching(/^error: Cannot write --html \S+report\.html: ENOENT/),
    `wrote ${files.json}\n`,
  ]);
});
