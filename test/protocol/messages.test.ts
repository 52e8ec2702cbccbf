import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCursor, parseHello } from '../../src/protocol/messages.js';

describe('encodeCursor', () => {
  test.each([
    ['42', '{"type":"cursor","cursor":"42"}'],
    ['', '{"type":"cursor","cursor":""}'],
    ['a"b', '{"type":"cursor","cursor":"a\\"b"}'],
    ['a\\b', '{"type":"cursor","cursor":"a\\\\b"}'],
    ['\b\f\n\r\t\u0000\u001f', '{"type":"cursor","cursor":"\\b\\f\\n\\r\\t\\u0000\\u001f"}'],
    ['é 日 😀', '{"type":"cursor","cursor":"é 日 😀"}'],
    ['</script>', '{"type":"cursor","cursor":"</script>"}'],
    ['\u2028', '{"type":"cursor","cursor":"\u2028"}'],
    // A lone surrogate has no bytes in UTF-8; it travels escaped (ECMA-262, well-formed JSON.stringify).
    ['\ud800', '{"type":"cursor","cursor":"\\ud800"}'],
  ])('the cursor %j is encoded byte for byte', (cursor, text) => {
    expect(encodeCursor(cursor)).toBe(text);
  });

  test('any string comes back as it was, with the two keys in their order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cursor) => {
        const message = JSON.parse(encodeCursor(cursor));
        expect(message).toEqual({ type: 'cursor', cursor });
        expect(Object.keys(message)).toEqual(['type', 'cursor']);
        expect(encodeCursor(cursor)).toBe(JSON.stringify({ type: 'cursor', cursor }));
      }),
    );
  });
});

describe('parseHello', () => {
  test.each([
    ['{"type":"hello","clientId":"c-1","cursor":"0"}', { clientId: 'c-1', cursor: '0' }],
    [
      '{"type":"hello","clientId":"c-1","cursors":{"todos":"42","lists":"7"}}',
      { clientId: 'c-1', cursors: { todos: '42', lists: '7' } },
    ],
    ['{"type":"hello","clientId":"c-1","cursors":{}}', { clientId: 'c-1', cursors: {} }],
    ['{"type":"hello","clientId":"c-1"}', { clientId: 'c-1' }],
    ['{"type":"hello"}', {}],
    [' \n{ "cursor" : "" , "type" : "hello" }\n', { cursor: '' }],
  ])('%s is a hello', (text, hello) => {
    expect(parseHello(text)).toStrictEqual(hello);
  });

  test('a namespace, and whatever else is in a hello, is not read', () => {
    const hello = parseHello(
      '{"type":"hello","clientId":"c","namespace":"other","token":"secret","__proto__":{}}',
    );
    expect(hello).toStrictEqual({ clientId: 'c' });
  });

  test.each([
    ['clientId', 42],
    ['clientId', null],
    ['clientId', ''],
    ['clientId', ['c']],
    ['clientId', 'x'.repeat(256)],
    ['clientId', 'forged\nlog line'],
    ['clientId', '\u001b[2Jterminal'],
    ['cursor', 7],
    ['cursor', { todos: '1' }],
    ['cursors', ['1']],
    ['cursors', '1'],
    ['cursors', null],
    ['cursors', { todos: 7 }],
    ['cursors', { todos: '1', lists: null }],
  ])('a hello whose %s is %j counts, without it', (key, value) => {
    expect(parseHello(JSON.stringify({ type: 'hello', [key]: value }))).toStrictEqual({});
  });

  test.each([
    '',
    ' ',
    'hello',
    '{',
    '{"type":"hello"',
    '{"type":"hello"}}',
    '{type:"hello"}',
    'null',
    'true',
    '0',
    '"hello"',
    '[]',
    '["type","hello"]',
    '{}',
    '{"type":null}',
    '{"type":"Hello"}',
    '{"type":["hello"]}',
    '{"type":{"toString":"hello"}}',
    '{"type":"cursor","cursor":"42"}',
    '{"__proto__":{"type":"hello","clientId":"c"}}',
    '\ufeff{"type":"hello"}',
  ])('junk is no hello: %j', (text) => {
    expect(parseHello(text)).toBeUndefined();
  });

  test('nesting as deep as it gets is no hello, and no stack overflow either', () => {
    expect(parseHello('['.repeat(100_000))).toBeUndefined();
    expect(parseHello('{"a":'.repeat(100_000))).toBeUndefined();
    expect(parseHello(`{"type":"hello","cursors":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toEqual({});
  });

  test('no string makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => parseHello(text)).not.toThrow();
      }),
    );
  });

  test('no JSON makes it throw, and what is not an object of type hello is none', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text);
        const isHello = typeof value === 'object' && value !== null && value.type === 'hello';
        expect(parseHello(text) !== undefined).toBe(isHello);
      }),
    );
  });

  test('a hello with any values in its fields yields fields of the right type, and no others', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            clientId: fc.oneof(fc.string(), fc.jsonValue()),
            cursor: fc.oneof(fc.string(), fc.jsonValue()),
            cursors: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
            namespace: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
        (fields) => {
          const hello = parseHello(JSON.stringify({ ...fields, type: 'hello' }));
          expect(hello).toBeDefined();
          const { clientId, cursor, cursors, ...rest } = hello ?? {};
          expect(rest).toEqual({});
          expect(['string', 'undefined']).toContain(typeof clientId);
          expect(['string', 'undefined']).toContain(typeof cursor);
          expect(Object.values(cursors ?? {}).every((entry) => typeof entry === 'string')).toBe(true);
          if (typeof fields.cursor === 'string') expect(cursor).toBe(fields.cursor);
        },
      ),
    );
  });
});
