import { describe, expect, test } from 'vitest';
import { pageOf } from '../../src/server/events/clients.js';
import { Batches } from '../../src/workers/batches.js';
import { clientPage, sumNamespaces } from '../../src/workers/gathering.js';
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

  test('pages of clients are put together in order of their ids, each client on one page', () => {
    const client = (id: number) => ({
      id: String(id),
      namespace: 'x',
      since: '2026-01-01T00:00:00.000Z',
      connectedMs: 0,
      bytesWaiting: 0,
    });
    const workers = [[1, 3, 5, 7, 9, 11].map(client), [2, 4, 14].map(client)];
    const ask = (after: string | undefined, limit: number) =>
      clientPage(
        workers.map((clients) => {
          const { total, page, hasMore } = pageOf(clients, { after, limit }, ({ id }) => Number(id));
          return { total, clients: page, ...(hasMore ? { next: page.at(-1)?.id } : {}) };
        }),
        { after, limit },
      );
    for (const limit of [1, 2, 4, 8, 9, 20]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const { total, clients, next } = ask(after, limit);
        expect(total).toBe(9);
        seen.push(...clients.map(({ id }) => id));
        if (next === undefined) break;
        after = next;
      }
      expect(seen).toEqual(['1', '2', '3', '4', '5', '7', '9', '11', '14']);
    }
  });
});
