import { Chalk } from 'chalk';
import { afterEach, expect, test, vi } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { Log } from '../../src/cli/serve/log.js';
import { reloadOnSignal } from '../../src/cli/serve/reload.js';

afterEach(() => void vi.useRealTimers());

test('a file that is never read to its end holds up no later signal, and what comes of it too late is not put in force', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = new Log({
    level: 'info',
    format: 'pretty',
    colors: new Chalk({ level: 0 }),
    write,
    now: () => new Date(),
  });
  let signal = () => {};
  const io = {
    onReload(listener: () => void) {
      signal = listener;
      return () => {};
    },
  };
  const inForce: number[] = [];
  const answers: ((putInForce: () => void) => void)[] = [];
  const read = () => new Promise<() => void>((resolve) => answers.push(resolve));
  reloadOnSignal(io as Io, log, [{ what: 'the file', files: [import.meta.filename], read }]);

  signal();
  signal();
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lines.join('')).toMatch(/SIGHUP: the file stays as it was: reading took longer than 10 s\n$/);
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.(() => inForce.push(2));
  await vi.waitFor(() => expect(lines.at(-1)).toMatch(/SIGHUP: the file was read again/));
  answers[0]?.(() => inForce.push(1));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(inForce).toEqual([2]);
});
