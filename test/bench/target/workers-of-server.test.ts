import { expect, test } from 'vitest';
import { readWorkers } from '../../../src/bench/target/workers-of-server.js';

const answering = (answer: unknown) => ({ get: async () => answer });

test('the workers of a server are those of its GET /v1/cluster', async () => {
  const nodes = [{ id: 'worker-1-4711' }, { id: 'worker-12-4712' }, { id: 'a76d2b1c' }];
  expect(await readWorkers(answering({ state: 'up', nodes }))).toEqual([
    { number: 1, pid: 4711 },
    { number: 12, pid: 4712 },
  ]);
});

test.each([undefined, null, 'x', {}, { nodes: 'x' }, { nodes: [{}] }])(
  'an answer of another kind has none: %j',
  async (answer) => {
    expect(await readWorkers(answering(answer))).toEqual([]);
  },
);
