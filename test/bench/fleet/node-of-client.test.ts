import { describe, expect, test } from 'vitest';
import { nodeOfClient } from '../../../src/bench/fleet/node-of-client.js';

/** How many of some clients are on each node. */
function counts(clients: readonly number[], namespaces: number, nodes: number): number[] {
  const count = Array.from({ length: nodes }, () => 0);
  for (const index of clients) {
    const node = nodeOfClient(index, namespaces, 0, nodes);
    count[node] = (count[node] ?? 0) + 1;
  }
  return count;
}

const range = (clients: number) => Array.from({ length: clients }, (_, index) => index);
const isEven = (count: readonly number[]) => Math.max(...count) - Math.min(...count) <= 1;

describe('which node a client connects to', () => {
  // Namespaces and nodes with and without a common divisor.
  test.each([
    [30, 3, 900],
    [1, 2, 150],
    [2, 3, 60],
    [20, 2, 600],
    [7, 3, 210],
    [600, 3, 600],
  ])('%i namespaces are evenly on %i nodes, each of them and in all', (namespaces, nodes, clients) => {
    expect(isEven(counts(range(clients), namespaces, nodes))).toBe(true);
    for (let namespace = 0; namespace < namespaces; namespace++) {
      const members = range(clients).filter((index) => index % namespaces === namespace);
      expect(isEven(counts(members, namespaces, nodes))).toBe(true);
    }
  });

  test('is the next one after each loss, until it has been on all', () => {
    expect(range(4).map((losses) => nodeOfClient(1, 5, losses, 3))).toEqual([1, 2, 0, 1]);
  });
});
