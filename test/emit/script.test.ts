import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readScript } from '../../src/emit/script.js';
import { within } from '../support/deadline.js';

async function read(...lines: string[]) {
  const steps = [];
  for await (const step of readScript(Readable.from([lines.join('\n')]))) {
    steps.push(
      'error' in step ? { line: step.line, error: step.error.message, code: step.error.code } : step,
    );
  }
  return steps;
}

describe('a script', () => {
  test('yields a step for each line, with its number, its emission and its delay', async () => {
    expect(
      await read(
        '{"namespace":"user:alice","cursor":"42"}',
        '{"cursor":"43","delayMs":100.5,"namespace":"user:bob"}',
      ),
    ).toEqual([
      { line: 1, delayMs: 0, emissions: [{ namespace: 'user:alice', cursor: '42' }] },
      { line: 2, delayMs: 100.5, emissions: [{ namespace: 'user:bob', cursor: '43' }] },
    ]);
  });

  test('may have blank lines, which count, and line ends of either kind', async () => {
    const steps = await read(
      '',
      '{"namespace":"a","cursor":"1"}\r',
      '  ',
      '{"namespace":"a","cursor":"2"}',
      '',
    );
    expect(steps.map(({ line }) => line)).toEqual([2, 4]);
  });

  test('of nothing yields nothing', async () => {
    expect(await read('')).toEqual([]);
  });

  test.each([
    ['{"namespace":"a"', /^Line 2: expected JSON such as .*, got "\{/],
    ['42', /^Line 2: expected an object, got 42$/],
    ['null', /^Line 2: expected an object, got null$/],
    ['[]', /^Line 2: expected an object, got an array$/],
    ['{"cursor":"1"}', /^Line 2: expected `namespace` to be a string, got undefined$/],
    ['{"namespace":"","cursor":"1"}', /^Line 2: expected `namespace` to be a non-empty string/],
    ['{"namespace":"a","cursor":1}', /^Line 2: expected `cursor` to be a string, got 1$/],
    [
      '{"namespace":"a","cursor":"\\u001b[2J"}',
      /^Line 2: expected `cursor` to be without control characters/,
    ],
    ['{"namespace":"a","cursor":"1","delayMs":-1}', /^Line 2: expected `delayMs` .* at least 0, got -1$/],
    ['{"namespace":"a","cursor":"1","delayMs":"5s"}', /^Line 2: expected `delayMs` .*, got "5s"$/],
    [
      '{"namespace":"a","cursor":"1","delayMs":3000000000}',
      /^Line 2: expected `delayMs` .*, got 3000000000$/,
    ],
    ['{"namespace":"a","cursor":"1","delayMs":null}', /^Line 2: expected `delayMs` .*, got null$/],
  ])('with the line %s yields an error that names the line, and reads on', async (bad, message) => {
    const steps = await read('{"namespace":"a","cursor":"1"}', bad, '{"namespace":"a","cursor":"3"}');
    expect(steps).toMatchObject([
      { line: 1, delayMs: 0 },
      { line: 2, code: 'ERR_INVALID_SCRIPT', error: expect.stringMatching(message) },
      { line: 3, delayMs: 0 },
    ]);
  });

  test('is read as it comes: a step is there before the input ends', async () => {
    const input = new PassThrough();
    const steps = readScript(input);
    input.write('{"namespace":"a","cursor":"1"}\n');
    expect((await within(steps.next(), 'the first step')).value).toMatchObject({ line: 1 });
    input.end('{"namespace":"a","cursor":"2"}');
    expect((await within(steps.next(), 'the second step')).value).toMatchObject({ line: 2 });
    expect((await within(steps.next(), 'the end')).done).toBe(true);
  });

  test('ends when it is aborted, even while it waits for a line', async () => {
    const abort = new AbortController();
    const steps = readScript(new PassThrough(), abort.signal);
    const next = steps.next();
    abort.abort();
    expect((await within(next, 'the end')).done).toBe(true);
  });

  test('that cannot be read to its end is an error that says why', async () => {
    const input = new PassThrough();
    const steps = readScript(input);
    input.write('{"namespace":"a","cursor":"1"}\n');
    expect((await within(steps.next(), 'the first step')).value).toMatchObject({ line: 1 });
    const next = steps.next();
    input.destroy(new Error('EIO: the disk is gone'));
    await expect(within(next, 'the error')).rejects.toMatchObject({
      code: 'ERR_INVALID_SCRIPT',
      message: expect.stringContaining('EIO: the disk is gone'),
    });
  });
});
