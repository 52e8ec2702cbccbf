import { expect, test } from 'vitest';
import { html, trusted } from '../../../src/bench/report/formats/html-tag.js';

test('whatever is put into markup is escaped, in lists and attributes too, unless it is markup itself', () => {
  const evil = `"><img src=x onerror='y'>&`;
  const safe = '&quot;&gt;&lt;img src=x onerror=&#39;y&#39;&gt;&amp;';
  expect(String(html`<p title="${evil}">${[evil, html`<b>${evil}</b>`]}</p>`)).toBe(
    `<p title="${safe}">${safe}<b>${safe}</b></p>`,
  );
  expect(String(html`<style>${trusted('a > b {}')}</style>`)).toBe('<style>a > b {}</style>');
});

test('numbers are shown, and nothing is nothing', () => {
  expect(String(html`<i>${0}${undefined}${[]}</i>`)).toBe('<i>0</i>');
});
