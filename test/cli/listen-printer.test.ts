import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { ListenPrinter } from '../../src/cli/listen-printer.js';

/** An output that takes one line at a time, when it is read. */
class SlowOutput extends Writable {
  readonly columns = 80;
  readonly isTTY = false;
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(_chunk: unknown, _encoding: string, taken: () => void): void {
    this.#taken = taken;
  }

  read(): Promise<unknown> {
    const drained = new Promise((resolve) => this.once('drain', resolve));
    this.#taken?.();
    return drained;
  }
}

test('an output that is read slowly holds the server off each time, and collects no listeners', async () => {
  const output = new SlowOutput();
  const calls: string[] = [];
  const printer = new ListenPrinter(
    { stdout: output, stderr: output, env: {} } as unknown as Io,
    { json: true, pings: false },
    {
      url: 'ws://127.0.0.1:1/',
      clientId: 'c',
      explain: () => '',
      hold: () => calls.push('hold'),
      release: () => calls.push('release'),
    },
  );
  const listeners = () => ['drain', 'error'].map((event) => output.listenerCount(event));
  const before = listeners();
  for (let cursor = 1; cursor <= 20; cursor++) {
    printer.cursor(String(cursor), true);
    await output.read();
  }
  expect(calls).toEqual(Array(20).fill(['hold', 'release']).flat());
  expect(listeners()).toEqual(before);
});
