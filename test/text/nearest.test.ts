import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/text/nearest.js';

const NAMES = ['maxConnections', 'heartbeatInterval', 'host', 'port'];

test.each([
  ['maxConections', 'maxConnections'],
  ['MAXCONNECTIONS', 'maxConnections'],
  ['heartbeatinterval', 'heartbeatInterval'],
  ['prot', 'port'],
  ['hosts', 'host'],
  ['host', 'host'],
])('%s is near %s', (given, meant) => {
  expect(nearest(given, NAMES)).toBe(meant);
});

test.each(['', 'somethingElse', 'zzzzzzzzzz', '日本語日本語'])('%j is near nothing', (given) => {
  expect(nearest(given, NAMES)).toBeUndefined();
});

test('there is nothing near without names', () => {
  expect(nearest('port', [])).toBeUndefined();
});

test('a short name that has nothing in common is not near', () => {
  expect(nearest('xy', ['ab'])).toBeUndefined();
  expect(nearest('p', ['H'])).toBeUndefined();
  expect(nearest('', ['ab'])).toBeUndefined();
});

test('the suggestion can be appended to a message, and is nothing when nothing is near', () => {
  expect(`Unknown flag.${didYouMean('prot', NAMES)}`).toBe('Unknown flag. Did you mean `port`?');
  expect(`Unknown flag.${didYouMean('somethingElse', NAMES)}`).toBe('Unknown flag.');
});
