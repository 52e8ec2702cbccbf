import { expect, test } from 'vitest';
import type { HubWorker } from '../../src/backplane/ipc-hub.js';
import type { MessageToWorker } from '../../src/backplane/ipc-messages.js';
import type { Grant } from '../../src/backplane/slots.js';
import { CLOSE, type CloseCode } from '../../src/protocol/close-codes.js';
import { ClusterSlots } from '../../src/workers/cluster-slots.js';

function made(maxConnections = 100) {
  /** Slots of the cluster that this server has. */
  let held = 0;
  const waiting: ((refusal: CloseCode | undefined) => void)[] = [];
  const slots = new ClusterSlots(maxConnections, {
    acquire: () => new Promise((resolve) => waiting.push(resolve)),
    release: () => {
      held -= 1;
    },
  });
  const worker = (id: string): HubWorker & { heard: MessageToWorker[] } => {
    const heard: MessageToWorker[] = [];
    return { id, version: '', heard, send: (message) => heard.push(message) };
  };
  const [a, b] = [worker('a'), worker('b')];
  for (const one of [a, b]) slots.add(one);
  /** The cluster grants so many of those that wait, and refuses the others. */
  const grant = async (count: number) => {
    for (const [index, settle] of waiting.splice(0).entries()) {
      if (index < count) held += 1;
      settle(index < count ? undefined : CLOSE.namespaceConnectionLimit);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const reserve = (one: HubWorker, count: number, limit: number | null = 10) => {
    const answers: Grant[] = [];
    slots.reserve(one, { namespace: 'x', count, limit }, (answer) => answers.push(answer));
    return answers;
  };
  return { slots, a, b, grant, reserve, waits: () => waiting.length, held: () => held };
}

test('workers are told to ask for each slot, and what is given back need not wait for the cluster', async () => {
  const { a, grant, reserve, held } = made();
  expect(a.heard).toEqual([{ type: 'ask', namespaces: [], all: true }]);
  const answers = reserve(a, 3);
  expect(answers).toEqual([]);
  await grant(3);
  expect([answers, held()]).toEqual([[{ granted: 3, isTotal: false }], 3]);
  expect(reserve(a, 1)).toEqual([{ granted: 1, isTotal: false }]);
  expect(held()).toBe(1);
});

test('the cluster is not asked for more than this server has room for, and its refusal is that of the namespace', async () => {
  const { a, b, slots, grant, reserve, waits } = made(6);
  const [first, second] = [reserve(a, 5), reserve(b, 5)];
  expect(waits()).toBe(6);
  await grant(4);
  expect(first).toEqual([{ granted: 4, isTotal: false }]);
  expect(second).toEqual([{ granted: 0, isTotal: false }]);
  expect([slots.total, slots.namespaces, slots.in('x'), slots.of(a)]).toEqual([4, 1, 4, 4]);
  const third = reserve(b, 3);
  await grant(2);
  expect(third).toEqual([{ granted: 2, isTotal: true }]);
});

test('a worker that ends frees what it has, and what it is granted after its end', async () => {
  const { a, slots, grant, reserve, held } = made();
  reserve(a, 2);
  await grant(2);
  const answers = reserve(a, 5);
  slots.remove(a);
  expect([slots.total, held()]).toEqual([0, 0]);
  await grant(3);
  expect([answers, slots.total, held()]).toEqual([[], 0, 0]);
});

test('a worker that has given up waiting says what it has, and the rest is given back when it is granted', async () => {
  const { a, slots, grant, reserve, held } = made();
  reserve(a, 2);
  await grant(2);
  reserve(a, 6);
  expect(reserve(a, 2)).toEqual([{ granted: 2, isTotal: false }]);
  await grant(4);
  expect([slots.of(a), held()]).toEqual([2, 2]);
  // The next question finds all of it right.
  const answers = reserve(a, 10);
  await grant(8);
  expect([answers, held()]).toEqual([[{ granted: 10, isTotal: false }], 10]);
});
