import { describe, expect, test } from 'vitest';
import { type HubWorker, IpcHub } from '../../src/backplane/ipc-hub.js';
import type { MessageToWorker } from '../../src/backplane/ipc-messages.js';
import { FakeClock } from '../support/fake-clock.js';

class FakeWorker implements HubWorker {
  readonly version = '1.2.3';
  readonly heard: MessageToWorker[] = [];

  constructor(readonly id: string) {}

  send(message: MessageToWorker): void {
    this.heard.push(message);
  }

  of<Type extends MessageToWorker['type']>(type: Type): Extract<MessageToWorker, { type: Type }>[] {
    return this.heard.filter((one): one is Extract<MessageToWorker, { type: Type }> => one.type === type);
  }
}

function hubOf(count: number, options: { maxConnections?: number; rememberNamespaces?: number } = {}) {
  const clock = new FakeClock();
  let systemMs = 1000;
  const hub = new IpcHub({
    maxConnections: 100,
    workers: count,
    rememberNamespaces: 10,
    ...options,
    clock,
    systemMs: () => systemMs,
  });
  const workers = Array.from({ length: count }, (_, i) => new FakeWorker(`w${i}`));
  for (const worker of workers) hub.add(worker);
  const pass = (ms: number) => {
    systemMs += ms;
  };
  return { hub, clock, workers: workers as [FakeWorker, FakeWorker, FakeWorker], pass };
}

describe('the hub of the workers', () => {
  test('answers a publish with the clients that the other workers handed the cursors to', () => {
    const { hub, workers } = hubOf(3);
    const [a, b, c] = workers;
    const items = [
      { namespace: 'x', cursor: '1' },
      { namespace: 'y', cursor: '2' },
    ];
    hub.receive(a, { type: 'publish', id: 7, items });
    const [forwarded] = b.of('cursors');
    expect(forwarded?.items).toEqual(items.map((item) => ({ ...item, epoch: 0 })));
    hub.receive(b, { type: 'delivered', id: forwarded?.id as number, counts: [3, 0] });
    // Said twice, it counts once.
    hub.receive(b, { type: 'delivered', id: forwarded?.id as number, counts: [3, 0] });
    expect(a.of('published')).toEqual([]);
    hub.receive(c, { type: 'delivered', id: forwarded?.id as number, counts: [1, 5] });
    expect(a.of('published')).toEqual([
      { type: 'published', id: 7, outcome: { replicated: true, nodes: 1, delivered: [4, 5] } },
    ]);
    expect(a.of('cursors')).toEqual([]);
  });

  test('does not wait for a worker that ends, nor longer than a second for one that hangs', () => {
    const { hub, clock, workers } = hubOf(3);
    const [a, b, c] = workers;
    hub.receive(a, { type: 'publish', id: 1, items: [{ namespace: 'x', cursor: '1' }] });
    const id = c.of('cursors')[0]?.id as number;
    hub.receive(c, { type: 'delivered', id, counts: [2] });
    hub.remove(b);
    expect(a.of('published')[0]?.outcome).toEqual({ replicated: true, nodes: 1, delivered: [2] });
    hub.receive(a, { type: 'publish', id: 2, items: [{ namespace: 'x', cursor: '2' }] });
    clock.advance(999);
    expect(a.of('published')).toHaveLength(1);
    clock.advance(1);
    expect(a.of('published')[1]).toMatchObject({ id: 2, outcome: { delivered: [0], nodes: 1 } });
  });

  test('a batch that had to be acknowledged by now is dropped', () => {
    const { hub, workers, pass } = hubOf(2);
    const [a, b] = workers;
    const message = { type: 'publish', id: 1, items: [{ namespace: 'x', cursor: '1' }] } as const;
    pass(500);
    hub.receive(a, { ...message, expiresAtMs: 1500 });
    expect(b.of('cursors')).toEqual([]);
    hub.receive(a, { ...message, expiresAtMs: 1501 });
    expect(b.of('cursors')).toHaveLength(1);
  });

  test('hands a new worker a snapshot in parts, before anything else', () => {
    const { hub, workers } = hubOf(1, { rememberNamespaces: 2500 });
    const [a] = workers;
    const items = Array.from({ length: 2500 }, (_, i) => ({ namespace: `n${i}`, cursor: String(i) }));
    hub.receive(a, { type: 'publish', id: 1, items });
    const late = new FakeWorker('late');
    hub.add(late);
    const parts = late.of('snapshot');
    expect(parts.map(({ items: { length }, isLast }) => [length, isLast])).toEqual([
      [1000, false],
      [1000, false],
      [500, true],
    ]);
    expect(late.heard.slice(0, 3)).toEqual(parts);
    expect(parts.flatMap((part) => part.items)).toEqual(items.map((item) => ({ ...item, epoch: 0 })));
  });

  test('frees the slots of a worker that ends, and hears nothing of it any more', () => {
    const { hub, workers } = hubOf(2, { maxConnections: 3 });
    const [a, b] = workers;
    hub.receive(a, { type: 'reserve', id: 1, namespace: 'x', count: 3, limit: null });
    // More than its share: the others are told to ask first.
    expect(a.of('reserved')).toEqual([]);
    for (const worker of [a, b]) {
      const [{ id } = {}] = worker.of('ask');
      hub.receive(worker, { type: 'asking', id: id as number });
    }
    expect(a.of('reserved')).toEqual([{ type: 'reserved', id: 1, granted: 3 }]);
    hub.receive(b, { type: 'reserve', id: 1, namespace: 'y', count: 1, limit: null });
    expect(b.of('reserved')).toEqual([{ type: 'reserved', id: 1, granted: 0, isTotal: true }]);
    expect(hub.connectionsOf(a)).toBe(3);
    hub.remove(a);
    expect([hub.connections, hub.namespaces]).toEqual([0, 0]);
    hub.receive(a, { type: 'reserve', id: 2, namespace: 'x', count: 3, limit: null });
    hub.receive(b, { type: 'reserve', id: 2, namespace: 'y', count: 3, limit: 2 });
    expect(b.of('reserved')[1]).toEqual({ type: 'reserved', id: 2, granted: 2 });
  });
});
