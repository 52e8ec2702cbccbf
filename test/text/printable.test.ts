import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, printableJson, printableLines } from '../../src/text/printable.js';

const UNSAFE: [string, string][] = [
  ['a line feed', '\n'],
  ['an escape', '\u001b'],
  ['a C1 control', '\u009b'],
  ['a soft hyphen', '\u00ad'],
  ['an Arabic letter mark', '\u061c'],
  ['a zero-width space', '\u200b'],
  ['a zero-width joiner', '\u200d'],
  ['a left-to-right mark', '\u200e'],
  ['a right-to-left mark', '\u200f'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a right-to-left override', '\u202e'],
  ['a word joiner', '\u2060'],
  ['an isolate', '\u2066'],
  ['a Hangul filler', '\u3164'],
  ['a variation selector', '\ufe0f'],
  ['a byte order mark', '\ufeff'],
  ['an interlinear annotation', '\ufff9'],
  ['a noncharacter', '\uffff'],
  ['a lone surrogate', '\ud800'],
  ['a language tag', '\u{e0001}'],
  ['a tag letter', '\u{e0041}'],
  ['a variation selector beyond U+FFFF', '\u{e0100}'],
];

describe.each(UNSAFE)('%s', (_, character) => {
  test('is shown as an escape, so that two texts with and without it look different', () => {
    const shown = printable(`a${character}b`);
    expect(shown).toMatch(/^a(?:\\u[0-9a-f]{4}){1,2}b$/);
    expect(JSON.parse(`"${shown}"`)).toBe(`a${character}b`);
  });

  test('is escaped in JSON, whose value stays the same', () => {
    const value = { [`k${character}`]: [`v${character}`] };
    for (const indent of [undefined, 2]) {
      const json = printableJson(value, indent);
      expect(json.replaceAll('\n', '')).not.toContain(character);
      expect(JSON.parse(json)).toEqual(value);
    }
  });
});

test('what can be read stays as it is', () => {
  for (const text of ['user:alice', 'é 日 😀 \u00a0', 'مرحبا', '## Heading', '# [link]', 'a ##', '\ue000'])
    expect(printable(text)).toBe(text);
});

test.each(['##[error]x', '##[group]', 'a ##vso[task.setvariable]x', '##teamcity[x]', '###[error]', '####[x'])(
  '%j is no command to a CI system, and in JSON it is the same text',
  (text) => {
    expect(printable(text)).not.toMatch(/##\w*\[/);
    expect(printableJson(text)).not.toMatch(/##\w*\[/);
    expect(JSON.parse(printableJson(text))).toBe(text);
  },
);

test('lines stay lines, whatever ends them', () => {
  expect(printableLines('a\r\nb\rc\nd\u001b')).toBe('a\nb\nc\nd\\u001b');
});

test('any value is the same after a way through JSON, and no line of it begins a command', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(undefined, 2),
      (value, text, indent) => {
        const json = printableJson({ value, text, [text]: `::${text}##[` }, indent);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text, [text]: `::${text}##[` })));
        expect(json).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^\s*::|##\[/mu);
      },
    ),
  );
});
