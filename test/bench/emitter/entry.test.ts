import { expect, test } from 'vitest';
import { partOf } from '../../../src/bench/emitter/emitter.js';

const urls = ['http://a', 'http://b', 'http://c'];
const target = { kind: 'api', urls, adminToken: undefined, tls: undefined } as const;
const urlsOf = (to: 'first' | 'spread' | 'all') =>
  [0, 1, 2, 3].map((lane) => (partOf(target, to, lane) as typeof target).urls);

test('emits go to the first server, to one for each lane, or to every one', () => {
  expect(urlsOf('first')).toEqual(Array(4).fill(['http://a']));
  expect(urlsOf('spread')).toEqual([['http://a'], ['http://b'], ['http://c'], ['http://a']]);
  expect(urlsOf('all')).toEqual(Array(4).fill(urls));
});

test('a template is one target', () => {
  const template = { method: 'POST', url: 'http://x/{cursor}', headers: {}, body: undefined, tls: undefined };
  const one = { kind: 'template', template } as const;
  expect(partOf(one, 'spread', 1)).toBe(one);
});
