import { describe, expect, test } from 'vitest';
import { shorten, widthOf, wrap } from '../../src/text/wrap.js';

describe('text in a terminal', () => {
  test('is measured in columns: wide characters take two, accents and joined emoji no more than one character', () => {
    expect(widthOf('東京')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('👩‍👩‍👧')).toBe(2);
    expect(widthOf('plain')).toBe(5);
  });

  test('is broken where it would be wider than the terminal, not where it has as many characters', () => {
    expect(wrap('東京 大阪 京都', 9)).toEqual(['東京 大阪', '京都']);
    expect(wrap('東京大阪京都', 5)).toEqual(['東京', '大阪', '京都']);
    expect(wrap('x'.repeat(7), 3)).toEqual(['xxx', 'xxx', 'x']);
  });

  test('is shortened to as many columns, and never within a character', () => {
    expect(shorten('東京大阪', 6)).toBe('東京…');
    expect(shorten('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 4)).toBe('👩‍👩‍👧…');
    expect(shorten('abcdef', 4)).toBe('abc…');
    expect(shorten('abcd', 4)).toBe('abcd');
    expect(shorten('abcd', 1)).toBe('…');
  });

  test('keeps a number and its unit on one line', () => {
    expect(wrap('took 12 ms', 7)).toEqual(['took', '12 ms']);
  });
});
