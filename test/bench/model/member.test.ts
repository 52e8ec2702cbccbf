import { describe, expect, test } from 'vitest';
import { memberText, readMember } from '../../../src/bench/model/member.js';

describe('a process that a phase names', () => {
  test.each([
    ['node', 'node', undefined, 'the last node'],
    ['node 2', 'node', 2, 'node 2'],
    ['worker 12', 'worker', 12, 'worker 12'],
    ['engine', 'engine', undefined, 'the engine'],
  ] as const)('%s', (text, what, number, words) => {
    const member = readMember(text);
    expect(member).toEqual({ what, number });
    expect(member && memberText(member)).toBe(words);
  });

  test.each(['', 'nodes', 'node 0', 'node  2', 'node 1.5', 'engine 1', 'Node', 'node 1000'])(
    '%j is none',
    (text) => {
      expect(readMember(text)).toBeUndefined();
    },
  );
});
