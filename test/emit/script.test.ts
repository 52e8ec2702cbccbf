import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { MAX_LINE_BYTES, readScript } from '../../src/emit/script.js';
import { within } from '../support/deadline.js';

const read = (...lines: string[]) => readFrom(Readable.from([lines.join('\n')]));

async function readFrom(input: Readable) {
  const steps = [];
  for await (const step of readScript(input)) {
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
      /^Line 2: expected `cursor` to be free of control characters/,
    ],
    ['{"namespace":"a","cursor":"1","delayMs":-1}', /^Line 2: expected `delayMs` .* at least 0, got -1$/],
    ['{"namespace":"a","cursor":"1","delayMs":"5s"}', /^Line 2: expected `delayMs` .*, got "5s"$/],
    [
      '{"namespace":"a","cursor":"1","delayMs":3000000000}',
      /^Line 2: expected `delayMs` .*, got 3000000000$/,
    ],
    ['{"namespace":"a","cursor":"1","delayMS":5}', /^Line 2: expected `delayMs`, got "delayMS"$/],
    ['{"namespace":"a","cursor":"1","delayMs":null}', /^Line 2: expected `delayMs` .*, got null$/],
  ])('with the line %s yields an error that names the line, and reads on', async (bad, message) => {
    const steps = await read('{"namespace":"a","cursor":"1"}', bad, '{"namespace":"a","cursor":"3"}');
    expect(steps).toMatchObject([
      { line: 1, delayMs: 0 },
      { line: 2, code: 'ERR_INVALID_SCRIPT', error: expect.stringMatching(message) },
      { line: 3, delayMs: 0 },
    ]);
  });

  test("may have keys that are nobody else's concern", async () => {
    const steps = await read(
      '{"event":"emitted","namespace":"a","cursor":"1","delivered":3,"__proto__":{"x":1}}',
    );
    expect(steps).toEqual([{ line: 1, delayMs: 0, emissions: [{ namespace: 'a', cursor: '1' }] }]);
  });

  test('may begin with a byte order mark, and have line separators of Unicode within a text', async () => {
    expect(
      await read('\ufeff{"namespace":"a","cursor":"1"}', '{"namespace":"a","x":"\u2028","cursor":"2"}'),
    ).toEqual([
      { line: 1, delayMs: 0, emissions: [{ namespace: 'a', cursor: '1' }] },
      { line: 2, delayMs: 0, emissions: [{ namespace: 'a', cursor: '2' }] },
    ]);
  });

  test('in letters that are cut by the chunks of the input is put together again', async () => {
    const bytes = Buffer.from('{"namespace":"grün","cursor":"1"}\n{"namespace":"ö","cursor":"2"}');
    const steps = await readFrom(Readable.from([...bytes].map((byte) => Buffer.of(byte))));
    expect(steps).toMatchObject([
      { line: 1, emissions: [{ namespace: 'grün' }] },
      { line: 2, emissions: [{ namespace: 'ö' }] },
    ]);
  });

  test('with a line that is no UTF-8 yields an error, instead of another namespace', async () => {
    const input = Readable.from([
      Buffer.from('{"namespace":"a","cursor":"1"}\n{"namespace":"caf'),
      Buffer.of(0xe9),
      Buffer.from('","cursor":"2"}\n{"namespace":"a","cursor":"3"}\n'),
    ]);
    expect(await readFrom(input)).toMatchObject([
      { line: 1 },
      { line: 2, code: 'ERR_INVALID_SCRIPT', error: 'Line 2: expected UTF-8, got invalid bytes' },
      { line: 3 },
    ]);
  });

  test('with a line of just the longest length is read, with one byte more yields an error and reads on', async () => {
    const long = '{"namespace":"a","cursor":"2"}'.padEnd(MAX_LINE_BYTES, ' ');
    const steps = await read(
      '{"namespace":"a","cursor":"1"}',
      long,
      `${long} `,
      '{"namespace":"a","cursor":"4"}',
    );
    expect(steps).toMatchObject([
      { line: 1 },
      { line: 2, emissions: [{ cursor: '2' }] },
      { line: 3, code: 'ERR_INVALID_SCRIPT', error: 'Line 3: expected at most 1 MiB, got more' },
      { line: 4, emissions: [{ cursor: '4' }] },
    ]);
  });

  test('with a line that never ends says so as soon as that is known, and once', async () => {
    let chunks = 0;
    const input = new Readable({
      read() {
        chunks += 1;
        if (chunks === 1) this.push('{"namespace":"a","cursor":"1"}\n');
        // Many times what a line may have, and then its end.
        else if (chunks < 500) this.push(Buffer.alloc(64 * 1024));
        else this.push('\n{"namespace":"a","cursor":"3"}\n');
        if (chunks === 500) this.push(null);
      },
    });
    const steps = readScript(input);
    expect((await steps.next()).value).toMatchObject({ line: 1 });
    expect((await steps.next()).value).toMatchObject({ line: 2, error: expect.anything() });
    expect(chunks).toBeLessThan(100);
    expect((await steps.next()).value).toMatchObject({ line: 3 });
    expect((await steps.next()).done).toBe(true);
  });

  test('is read no faster than its lines are taken', async () => {
    let chunks = 0;
    const input = new Readable({
      read() {
        chunks += 1;
        this.push('{"namespace":"a","cursor":"1"}\n'.repeat(100));
      },
    });
    const steps = readScript(input);
    for (let line = 1; line <= 1000; line++) expect((await steps.next()).value).toMatchObject({ line });
    expect(chunks).toBeLessThan(100);
    input.destroy();
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
