import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TIMER_MS } from '../../src/text/longest-timer.js';
import {
  formatCount,
  formatDuration,
  formatDurationFlag,
  formatSize,
  formatSizeFlag,
  type Parsed,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../../src/text/units.js';

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const refused = (expected: string): Parsed<never> => ({ ok: false, expected });

/** What no quantity of any kind looks like. */
const JUNK = [
  '',
  ' ',
  '-',
  '-1',
  '+1',
  '.5',
  '5.',
  '1..2',
  '1,5',
  '1e3',
  '0x10',
  'ten',
  'NaN',
  'Infinity',
  '1_',
  '_1',
  '1__0',
  '１',
];

describe('parseDuration', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['0.5ms', 0.5],
    ['250us', 0.25],
    ['250µs', 0.25],
    [' 10s ', 10_000],
    ['10 s', 10_000],
    ['10_000ms', 10_000],
    ['0', 0],
    ['0s', 0],
    ['2147483647ms', MAX_TIMER_MS],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual(ok(ms));
  });

  test.each([
    ...JUNK,
    '10',
    '10S',
    '10 sec',
    '10sm',
    's',
    '1s 2s',
    '1m30s',
    '1d',
    '10constructor',
    '10toString',
  ])('%j is refused, with examples', (text) => {
    expect(parseDuration(text)).toEqual(refused('a duration such as 500ms, 10s or 2m'));
  });

  test.each(['2147483648ms', '600h', `${'9'.repeat(400)}s`])('%s is longer than a timer can be', (text) => {
    expect(parseDuration(text)).toEqual(refused('a duration of at most 24 days'));
  });
});

describe('parseSize', () => {
  test.each([
    ['500B', 500],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1GiB', 1_073_741_824],
    ['1kB', 1000],
    ['1KB', 1000],
    ['2MB', 2_000_000],
    ['1GB', 1_000_000_000],
    ['1.5KiB', 1536],
    ['0', 0],
    ['0B', 0],
    ['64 KiB', 65_536],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual(ok(bytes));
  });

  test.each([...JUNK, '64', '64kib', '64kb', '64K', '64b', 'KiB', '1TiB', '1valueOf'])(
    '%j is refused, with examples',
    (text) => {
      expect(parseSize(text)).toEqual(refused('a size such as 500B, 64KiB or 1MiB'));
    },
  );

  test.each(['1.5B', `${'9'.repeat(400)}B`, `${'9'.repeat(20)}GiB`])(
    '%s is no whole number of bytes that can be counted, and refused',
    (text) => {
      expect(parseSize(text).ok).toBe(false);
    },
  );
});

describe('parseRate', () => {
  test.each([
    ['50/s', 50],
    ['50/sec', 50],
    ['300/m', 5],
    ['300/min', 5],
    ['3600/h', 1],
    ['0.5/s', 0.5],
    [' 50 / s ', 50],
    ['1_000/s', 1000],
  ])('%j is %d per second', (text, perSecond) => {
    const parsed = parseRate(text);
    expect(parsed.ok && parsed.value).toBeCloseTo(perSecond, 9);
  });

  test.each([
    ...JUNK,
    '50',
    '50/',
    '/s',
    '50/s/s',
    '50/ms',
    '50s',
    '50ms/s',
    '0/s',
    '0.0/m',
    '50/constructor',
    '-5/s',
  ])('%j is refused, with examples', (text) => {
    expect(parseRate(text)).toEqual(refused('a rate such as 50/s or 300/m'));
  });

  test('a rate that is too large to be a number is refused', () => {
    expect(parseRate(`${'9'.repeat(400)}/s`).ok).toBe(false);
  });
});

describe('parseCount', () => {
  test.each([
    ['0', 0],
    ['42', 42],
    ['10_000', 10_000],
    [' 7 ', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%j is %d', (text, count) => {
    expect(parseCount(text)).toEqual(ok(count));
  });

  test.each([...JUNK, '1.5', '10k', '1 0', '9007199254740992', '9'.repeat(400)])('%j is refused', (text) => {
    expect(parseCount(text)).toEqual(refused('a whole number'));
  });
});

test('no string makes a parser throw, and what one accepts is a finite number of at least 0', () => {
  // Like a quantity in most runs, so that the parsers get past their first look.
  const textArb = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9_.]{1,6} ?(us|ms|s|m|h|B|KiB|MiB|GB|\/s|\/m)?$/),
  );
  fc.assert(
    fc.property(textArb, (text) => {
      for (const parse of [parseDuration, parseSize, parseRate, parseCount]) {
        const parsed = parse(text);
        if (parsed.ok) expect(Number.isFinite(parsed.value) && parsed.value >= 0).toBe(true);
        else expect(parsed.expected).not.toBe('');
      }
    }),
    { numRuns: 500 },
  );
});

describe('formatSizeFlag', () => {
  test.each([
    [0, '0B'],
    [1, '1B'],
    [1023, '1023B'],
    [1024, '1KiB'],
    [1500, '1500B'],
    [65_536, '64KiB'],
    [4 * 1024 ** 2, '4MiB'],
    [1024 ** 3, '1GiB'],
  ])('%d bytes are written %s', (bytes, text) => {
    expect(formatSizeFlag(bytes)).toBe(text);
    expect(parseSize(text)).toEqual(ok(bytes));
  });
});

describe('formatDurationFlag', () => {
  test.each([
    [0, '0'],
    [1, '1ms'],
    [999, '999ms'],
    [1000, '1s'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [0.25, '250us'],
    [1.5, '1500us'],
  ])('%d ms is written %s', (ms, text) => {
    expect(formatDurationFlag(ms)).toBe(text);
  });

  test('every whole number of milliseconds that a timer can take is read back as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_TIMER_MS }), (ms) => {
        expect(parseDuration(formatDurationFlag(ms))).toEqual(ok(ms));
      }),
      { numRuns: 1000 },
    );
  });

  test('a whole number of microseconds is read back as it was, but for the last bit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (us) => {
        const parsed = parseDuration(formatDurationFlag(us / 1000));
        expect(parsed.ok && parsed.value).toBeCloseTo(us / 1000, 9);
      }),
    );
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0 ms'],
    [0.001, '1 µs'],
    [0.85, '850 µs'],
    [1, '1 ms'],
    [1.234, '1.23 ms'],
    [9.999, '10 ms'],
    [12.34, '12.3 ms'],
    [123.4, '123 ms'],
    [999.4, '999 ms'],
    [999.5, '1 s'],
    [2500, '2.5 s'],
    [2_345, '2.35 s'],
    [59_990, '60 s'],
    [119_949, '119.9 s'],
    [119_950, '2 m'],
    [200_000, '3 m 20 s'],
    [3_600_000, '60 m'],
    [-12.34, '-12.3 ms'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('just under a millisecond reads 1 ms, not 1000 µs', () => {
    expect(formatDuration(0.9996)).toBe('1 ms');
  });
});

describe('formatSize', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [65_536, '64 KiB'],
    [1_572_864, '1.5 MiB'],
    [1_073_741_824, '1 GiB'],
    [1_610_612_736, '1.5 GiB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('just under a unit reads 1 of it, not 1024 of the one below', () => {
    expect(formatSize(1024 ** 2 - 1)).toBe('1 MiB');
    expect(formatSize(1024 ** 3 - 1)).toBe('1 GiB');
  });
});

test.each([
  [0, '0'],
  [7, '7'],
  [0.126, '0.13'],
  [999, '999'],
  [1000, '1,000'],
  [10_000, '10,000'],
  [1_234_567.8, '1,234,568'],
  [-10_000, '-10,000'],
])('the count %d reads %s', (value, text) => {
  expect(formatCount(value)).toBe(text);
});
