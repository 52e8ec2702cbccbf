import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownCopy } from '../../src/text/own-copy.js';

test('a copy of any text is that text, in whatever script, lone surrogates included', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff), { maxLength: 60 }), (units) => {
      const text = String.fromCharCode(...units);
      return ownCopy(text) === text;
    }),
  );
  for (const text of [
    '',
    'namespace',
    'user:1234567890',
    'é'.repeat(20),
    '名'.repeat(20),
    '\ud800'.repeat(20),
  ])
    expect(ownCopy(text)).toBe(text);
});
