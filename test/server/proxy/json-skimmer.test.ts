import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonSkimmer, type Scalar } from '../../../src/server/proxy/json-skimmer.js';

const PATHS = ['result', 'result.cursors', 'cursors'];

/** What the skimmer reads of bytes that come in pieces of these sizes, over and over. */
function skim(text: string, sizes: readonly number[] = [Number.POSITIVE_INFINITY]) {
  const skimmer = new JsonSkimmer(new Set(PATHS));
  const bytes = Buffer.from(text);
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const end = Math.min(bytes.length, at + (sizes[piece % sizes.length] as number));
    skimmer.write(bytes.subarray(at, end));
    at = end;
  }
  const skimmed = skimmer.end();
  return skimmed && Object.fromEntries([...skimmed].map(([path, members]) => [path, [...members].sort()]));
}

/** The same by JSON.parse. */
function parsed(text: string) {
  const all: Record<string, [string, Scalar][]> = {};
  const read = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const members = Object.entries(value);
    all[path] = members.filter(([, one]) => typeof one !== 'object' || one === null).sort();
    for (const [name, one] of members) {
      const child = path === '' ? name : `${path}.${name}`;
      if (PATHS.includes(child) && !name.includes('.')) read(one, child);
    }
  };
  read(JSON.parse(text), '');
  return all;
}

const name = fc.oneof(
  fc.constantFrom('result', 'cursors', 'cursor', 'ok', 'result.cursors', '__proto__', 'constructor', ''),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom('17', 'a"b\\', '\\\\', '{"cursor":"9"}', true, false, null),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 6 })
    // As text, so that a name can come twice.
    .map((members) => ({ members })),
})).object;

/** JSON, with spaces wherever they may be. */
function written(one: unknown, space: string): string {
  if (Array.isArray(one))
    return `[${space}${one.map((item) => written(item, space)).join(`${space},${space}`)}${space}]`;
  if (typeof one !== 'object' || one === null) return JSON.stringify(one);
  const members = (one as { members: [string, unknown][] }).members.map(
    ([key, item]) => `${JSON.stringify(key)}${space}:${space}${written(item, space)}`,
  );
  return `{${space}${members.join(`${space},${space}`)}${space}}`;
}

test('it reads of any object what JSON.parse does, however its bytes are cut', () => {
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('', ' ', '\n\t'),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      (one, space, sizes) => {
        const text = `${space}${written(one, space)}${space}`;
        expect(skim(text, sizes)).toEqual(parsed(text));
      },
    ),
    { numRuns: 300 },
  );
});

describe('what is not one JSON object is not read', () => {
  test.each([
    '',
    'null',
    '"text"',
    '17',
    '[{"cursor":"1"}]',
    '<html>',
    '{"cursor":"1"',
    '{"cursor":"1"}}',
    '{"cursor":"1"}{"cursor":"2"}',
    '{"cursor":"1"} 5',
    '{"cursor" "1"}',
    '{"cursor":"1" "b":2}',
    '{"cursor":"1"},',
    ':{"cursor":"1"}',
    '{{"cursor":"1"}}',
    '{"a" [] :1}',
    '{"cursor":1.}',
    '{"cursor":tru}',
    '{"cursor"}',
    '{"cursor":"1",}',
    '{,}',
    '{"cursor":}',
    '{cursor:"1"}',
    '{"cursor":"1"]',
    '{"cursor":"\n"}',
  ])('%j', (text) => {
    expect(skim(text)).toBeUndefined();
    expect(skim(text, [1])).toBeUndefined();
  });
});

test('a text of more than 512 bytes counts as null, and is not kept', () => {
  expect(skim(`{"cursor":"${'1'.repeat(513)}","ok":true}`, [100])).toEqual({
    '': [
      ['cursor', null],
      ['ok', true],
    ],
  });
});

test('no more than 2,000 members of an object are kept', () => {
  const members = Array.from({ length: 3000 }, (_, index) => `"t${index}":"${index}"`);
  expect(skim(`{"cursors":{${members.join()}}}`)?.cursors).toHaveLength(2000);
});
