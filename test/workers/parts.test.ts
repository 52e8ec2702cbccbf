import { describe, expect, test } from 'vitest';
import { Batches } from '../../src/workers/batches.js';
import { oldestClients, sumNamespaces } from '../../src/workers/gathering.js';
import { Restarts } from '../../src/workers/restarts.js';

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('batches', () => {
  test('messages of one tick go together, and the next batch waits until this one is written', async () => {
    const written: (readonly number[])[] = [];
    const done: (() => void)[] = [];
    const batches = new Batches<number>((batch, onDone) => {
      written.push(batch);
      done.push(onDone);
    });
    batches.send(1);
    batches.send(2);
    expect(written).toEqual([]);
    await tick();
    expect(written).toEqual([[1, 2]]);
    batches.send(3);
    await tick();
    batches.send(4);
    await tick();
    expect([written.length, batches.waiting]).toEqual([1, 2]);
    done.shift()?.();
    await tick();
    expect(written).toEqual([
      [1, 2],
      [3, 4],
    ]);
    done.shift()?.();
    await tick();
    expect(written).toHaveLength(2);
  });
});

describe('restarts', () => {
  test('come soon, later each time a worker dies young, and soon again after one that lived', () => {
    const restarts = new Restarts();
    const delays = Array.from({ length: 9 }, () => restarts.delayMs(10));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect([restarts.delayMs(30_000), restarts.delayMs(0)]).toEqual([100, 200]);
  });
});

describe('what is gathered from workers', () => {
  test('a namespace is listed once, with the clients of all workers', () => {
    const list = sumNamespaces([
      [
        { namespace: 'x', connections: 2 },
        { namespace: 'y', connections: 1 },
      ],
      [{ namespace: 'x', connections: 3 }],
    ]);
    expect(list).toEqual([
      { namespace: 'x', connections: 5 },
      { namespace: 'y', connections: 1 },
    ]);
  });

  test('clients are the oldest of all workers, with the number of all', () => {
    const client = (id: number, connectedMs: number) => ({
      id,
      connectedMs,
      namespace: 'x',
      clientId: undefined,
      remoteAddress: undefined,
    });
    const lists = [
      { total: 5, clients: [client(1, 100), client(3, 10)] },
      { total: 2, clients: [client(2, 50), client(4, 10)] },
    ];
    const { total, clients } = oldestClients(lists, 3);
    expect([total, clients.map(({ id }) => id)]).toEqual([7, [1, 2, 3]]);
  });
});
