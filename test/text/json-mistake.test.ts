import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonMistake } from '../../src/text/json-mistake.js';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('finds a mistake exactly in what JSON.parse refuses', () => {
  const edit = fc.record({
    at: fc.nat(200),
    remove: fc.nat(3),
    insert: fc.constantFrom('', ',', ']', '}', '"', '\\', '1', 'x', '\n'),
  });
  fc.assert(
    fc.property(fc.json(), fc.array(edit, { maxLength: 2 }), (json, edits) => {
      let text = json;
      for (const { at, remove, insert } of edits) {
        const index = at % (text.length + 1);
        text = text.slice(0, index) + insert + text.slice(index + remove);
      }
      expect(jsonMistake(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['', 0],
  ['  ', 2],
  ['[1,]', 3],
  ['{"a":1,}', 7],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ['[1 2]', 3],
  ['[1', 2],
  ['["a\n"]', 1],
  ['{"a":[}]', 6],
  ['[] x', 3],
  [']', 0],
])('says where: %j', (text, offset) => {
  expect(jsonMistake(text)).toBe(offset);
});
