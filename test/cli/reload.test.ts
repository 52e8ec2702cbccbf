import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chalk } from 'chalk';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { Log } from '../../src/cli/serve/log.js';
import { reloadOnSignal } from '../../src/cli/serve/reload.js';

afterEach(() => void vi.useRealTimers());

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-reload-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a log of reloads says, and a way to send signals. */
function reloads() {
  const lines: string[] = [];
  const log = new Log({
    level: 'info',
    format: 'pretty',
    colors: new Chalk({ level: 0 }),
    write: (line) => void lines.push(line),
    now: () => new Date(),
  });
  let signal = () => {};
  const io = {
    onReload(listener: () => void) {
      signal = listener;
      return () => {};
    },
  };
  const watch = (files: string[], read: () => Promise<() => void>) =>
    reloadOnSignal(io as Io, log, [{ what: 'the file', files, read }]);
  return { lines, watch, signal: () => signal() };
}

test('however many signals come while files are read, they are read once more, and the last one has the last word', async () => {
  const { lines, watch, signal } = reloads();
  const answers: ((putInForce: () => void) => void)[] = [];
  const inForce: number[] = [];
  watch([import.meta.filename], () => new Promise((resolve) => answers.push(resolve)));
  for (let count = 0; count < 1000; count++) signal();
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  for (let count = 0; count < 1000; count++) signal();
  answers[0]?.(() => inForce.push(1));
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.(() => inForce.push(2));
  await vi.waitFor(() => expect(lines).toHaveLength(2));
  signal();
  await vi.waitFor(() => expect(answers).toHaveLength(3));
  expect(inForce).toEqual([1, 2]);
});

test.each([
  ['is written to', (file: string) => writeFileSync(file, 'half', { flag: 'a' })],
  [
    'is replaced',
    (file: string) => {
      rmSync(file);
      writeFileSync(file, 'whole');
    },
  ],
])('a file that %s while it is read is not put in force', async (_, change) => {
  const { lines, watch, signal } = reloads();
  const file = join(folder, 'tokens.yaml');
  writeFileSync(file, 'whole');
  const inForce: number[] = [];
  let isChanging = true;
  watch([file], async () => {
    if (isChanging) change(file);
    return () => inForce.push(1);
  });
  signal();
  await vi.waitFor(() => expect(lines).toHaveLength(1));
  expect(lines[0]).toContain(
    `SIGHUP: kept the old version of the file: ${file} changed while it was read; send SIGHUP when it is complete`,
  );
  expect(inForce).toEqual([]);
  isChanging = false;
  signal();
  await vi.waitFor(() => expect(lines[1]).toMatch(/reloaded the file$/m));
  expect(inForce).toEqual([1]);
});

test('a file that is never read to its end holds up no later signal, and what comes of it too late is not put in force', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { lines, watch, signal } = reloads();
  const inForce: number[] = [];
  const answers: ((putInForce: () => void) => void)[] = [];
  const read = () => new Promise<() => void>((resolve) => answers.push(resolve));
  watch([import.meta.filename], read);

  signal();
  signal();
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lines.join('')).toMatch(
    /SIGHUP: kept the old version of the file: reading took longer than 10 s\n$/,
  );
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.(() => inForce.push(2));
  await vi.waitFor(() => expect(lines.at(-1)).toMatch(/SIGHUP: reloaded the file/));
  answers[0]?.(() => inForce.push(1));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(inForce).toEqual([2]);
});
