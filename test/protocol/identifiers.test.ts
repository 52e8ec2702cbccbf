import fc from 'fast-check';
import { expect, describe as group, test } from 'vitest';
import { cursorProblem, describe, isClientId, namespaceProblem } from '../../src/protocol/identifiers.js';

const KINDS = [
  { kind: 'a cursor', problem: cursorProblem, longest: 256 },
  { kind: 'a namespace', problem: namespaceProblem, longest: 255 },
  {
    kind: 'a client id',
    problem: (value: unknown) => (isClientId(value) ? undefined : 'no client id'),
    longest: 255,
  },
] as const;

group.each(KINDS)('$kind', ({ problem, longest }) => {
  test('may be as long as the limit, and no longer', () => {
    expect(problem('x'.repeat(longest))).toBeUndefined();
    expect(problem('x'.repeat(longest + 1))).toBeDefined();
  });

  test.each(['0', '42', ' ', 'user:1', 'tenant:{a}/b?c=d&e', 'é 日 😀', '__proto__', '\u00a0', '<b>'])(
    'may be %j',
    (value) => {
      expect(problem(value)).toBeUndefined();
    },
  );

  test.each([
    '',
    'a\nb',
    '\r',
    '\u0000',
    '\u001b[31m',
    '\u007f',
    '\u0085',
    '\u009b',
    '\u2028',
    '\u2029',
    '\ud800',
    'a\udc00b',
  ])('may not be %j', (value) => {
    expect(problem(value)).toBeDefined();
  });

  test.each([undefined, null, 42, Number.NaN, true, {}, [], ['a'], () => 'a', Symbol('a'), 1n])(
    'may not be something else than a string (%o)',
    (value) => {
      expect(problem(value)).toBeDefined();
    },
  );

  test('has no control character, whatever is tried', () => {
    const controls = [
      ...Array.from({ length: 0x20 }, (_, i) => i),
      ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i),
    ];
    for (const code of controls)
      expect(problem(`a${String.fromCharCode(code)}b`), `U+${code.toString(16)}`).toBeDefined();
    expect(problem('a b~\u00a0')).toBeUndefined();
  });

  test('is judged without ever throwing', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => problem(value)).not.toThrow();
      }),
    );
  });
});

test('the problem is told in words that follow "Expected … to be …"', () => {
  expect(cursorProblem(42)).toBe('a string, got 42');
  expect(cursorProblem(null)).toBe('a string, got null');
  expect(cursorProblem('')).toBe('a non-empty string, got an empty one');
  expect(cursorProblem('x'.repeat(300))).toBe('at most 256 characters, got 300');
  expect(namespaceProblem('x'.repeat(300))).toBe('at most 255 characters, got 300');
  expect(namespaceProblem('a\nb')).toBe('free of control characters, got one');
  expect(namespaceProblem('\ud800')).toBe('well-formed Unicode, got a lone surrogate');
});

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  [Number.NaN, 'NaN'],
  [-0.5, '-0.5'],
  [10n, '10'],
  [true, 'true'],
  ['text', '"text"'],
  ['a "b"\n', '"a \\"b\\"\\n"'],
  [[1, 2], 'an array'],
  [{ a: 1 }, 'an object'],
  [() => {}, 'a function'],
  [Symbol('s'), 'Symbol(s)'],
])('%o is described as %s', (value, text) => {
  expect(describe(value)).toBe(text);
});

test('a long string is described by its beginning', () => {
  expect(describe('x'.repeat(60))).toBe(`"${'x'.repeat(60)}"`);
  expect(describe('x'.repeat(61))).toBe(`"${'x'.repeat(57)}…"`);
});

test('a description is one line, whatever is described', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.anything()), (value) => {
      expect(describe(value)).not.toMatch(/[\n\r]/);
    }),
  );
});
