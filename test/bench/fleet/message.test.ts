import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CursorLayout, layoutOf, OUR_LAYOUT } from '../../../src/bench/fleet/wire.js';
import { readMessage } from '../../../src/protocol/client.js';
import { PreparedMessage } from '../../../src/protocol/messages.js';

const numberIn = (text: string, layout: CursorLayout = OUR_LAYOUT): number => {
  const bytes = Buffer.from(`##${text}##`);
  return layout.numberIn(bytes, 2, bytes.length - 2);
};

describe('the number in a message of our layout', () => {
  test('is exact for every safe integer, leading zeros included', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 5 }), (cursor, zeros) => {
        expect(numberIn(`{"type":"cursor","cursor":"${'0'.repeat(zeros)}${cursor}"}`)).toBe(cursor);
      }),
    );
    expect(numberIn(new PreparedMessage(String(Number.MAX_SAFE_INTEGER)).text)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('any other text has none, and one byte off makes it another text', () => {
    const text = '{"type":"cursor","cursor":"42"}';
    expect(numberIn(text)).toBe(42);
    for (let index = 0; index < text.length; index++) {
      const isDigit = /\d/.test(text[index] as string);
      const changed = `${text.slice(0, index)}~${text.slice(index + 1)}`;
      expect(numberIn(changed), changed).toBeNaN();
      const shorter = text.slice(0, index) + text.slice(index + 1);
      if (!isDigit) expect(numberIn(shorter), shorter).toBeNaN();
    }
  });

  test.each([
    '',
    '{}',
    '{"type":"cursor","cursor":""}',
    '{"type":"cursor","cursor":"-1"}',
    '{"type":"cursor","cursor":"1.5"}',
    '{"type":"cursor","cursor":42}',
    '{"type": "cursor","cursor":"42"}',
    '{"type":"cursor","cursor":"42"} ',
    '{"cursor":"42","type":"cursor"}',
  ])('%j has none', (text) => {
    expect(numberIn(text)).toBeNaN();
  });
});

/** Cursor messages that a client reads like ours, by what is different about them. */
const AS_GOOD: readonly (readonly [string, string])[] = [
  [
    'an extra field',
    '{"type":"cursor","cursor":"42","targeting":{"mode":"namespace-broadcast","degraded":false}}',
  ],
  ['another order', '{"cursor":"42","type":"cursor"}'],
  ['blanks, as Python writes them', '{"type": "cursor", "cursor": "42"}'],
  ['a trailing line break', '{"type":"cursor","cursor":"42"}\n'],
  ['an escape in the type', '{"type":"c\\u0075rsor","cursor":"42"}'],
  ['an escape in the cursor', '{"type":"cursor","cursor":"4\\u0032"}'],
  ['a cursor that is given twice, of which the last counts', '{"cursor":"7","type":"cursor","cursor":"42"}'],
  ['another field with the same digits', '{"id":"42","type":"cursor","cursor":"42"}'],
];

describe('a message is read as a client reads it', () => {
  test.each(AS_GOOD)('%s makes no difference', (_what, text) => {
    expect(readMessage(text)).toEqual({ isCursor: true, cursor: 42, text: '42' });
  });

  test('a cursor that is a JSON number has no digits of its own', () => {
    expect(readMessage('{"type":"cursor","cursor":42}')).toEqual({
      isCursor: true,
      cursor: 42,
      text: undefined,
    });
  });

  test.each([
    ['{"type":"cursor","cursor":"42abc"}', 42],
    ['{"type":"cursor","cursor":"abc"}', Number.NaN],
    ['{"type":"cursor","cursor":-7}', -7],
  ])('%j is a cursor, and the number is what parseInt makes of it', (text, cursor) => {
    expect(readMessage(text)).toMatchObject({ isCursor: true, cursor });
  });

  test.each([
    ['{"type":"welcome","cursor":"42"}', 'type "welcome"'],
    [`{"type":"${'x'.repeat(500)}"}`, `type "${'x'.repeat(40)}"`],
    ['{"type":"cursor","cursors":{"todos":"42"}}', 'type "cursor" without a cursor'],
    ['{"type":"cursor","cursor":""}', 'type "cursor" without a cursor'],
    ['{"type":"cursor","cursor":0}', 'type "cursor" without a cursor'],
    ['{"type":"cursor","cursor":{"toString":1}}', 'type "cursor" without a cursor'],
    ['{"cursor":"42"}', 'JSON without a type'],
    ['[1]', 'JSON without a type'],
    ['null', 'JSON that is not an object'],
    ['"cursor"', 'JSON that is not an object'],
    ['ping', 'text that is not JSON'],
    ['', 'text that is not JSON'],
    ['{"type":"cursor","cursor":"42"', 'text that is not JSON'],
  ])('%j is another message, of the kind %s', (text, kind) => {
    expect(readMessage(text)).toEqual({ isCursor: false, kind });
  });
});

describe('a layout that has been seen once', () => {
  test.each(AS_GOOD)('%s: it says of every number what the parser says', (_what, text) => {
    const layout = layoutOf(text, '42');
    // Where the digits are not in the text as they are meant, there is none.
    if (layout === undefined) {
      expect(text).toContain('\\u0032');
      return;
    }
    expect(numberIn(text, layout)).toBe(42);
    const [before = '', behind = ''] = splitAtLast(text, '42');
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,15}$/), (digits) => {
        const other = before + digits + behind;
        expect(numberIn(other, layout)).toBe(Number(digits));
        expect(readMessage(other)).toMatchObject({ isCursor: true, text: digits });
      }),
    );
    for (const wrong of ['', 'x', '4x', '-4']) {
      expect(numberIn(before + wrong + behind, layout)).toBeNaN();
    }
    expect(numberIn(`${text} `, layout)).toBeNaN();
  });

  test('is taken from the field that counts, not from one that looks like it', () => {
    const text = '{"cursor":"42","type":"cursor","note":{"cursor":"42"}}';
    const layout = layoutOf(text, '42') as CursorLayout;
    expect(numberIn('{"cursor":"7","type":"cursor","note":{"cursor":"42"}}', layout)).toBe(7);
    expect(numberIn('{"cursor":"42","type":"cursor","note":{"cursor":"7"}}', layout)).toBeNaN();
  });
});

function splitAtLast(text: string, part: string): string[] {
  const at = text.lastIndexOf(part);
  return [text.slice(0, at), text.slice(at + part.length)];
}
