import { expect, test } from 'vitest';
import { Registry } from '../../src/manager/registry.js';
import { FakeClient } from '../support/fake-client.js';

function filled() {
  const registry = new Registry();
  const clients = [new FakeClient(), new FakeClient(), new FakeClient()] as const;
  registry.add(clients[0], 'a');
  registry.add(clients[1], 'a');
  registry.add(clients[2], 'b');
  return { registry, clients };
}

test('clients are counted in all and by namespace', () => {
  const { registry } = filled();
  expect([registry.size, registry.namespaceCount]).toEqual([3, 2]);
  expect([...registry.namespaces()]).toEqual([
    { namespace: 'a', connections: 2 },
    { namespace: 'b', connections: 1 },
  ]);
  expect([registry.of('a').size, registry.of('b').size, registry.of('c').size]).toEqual([2, 1, 0]);
});

test('a removed client is returned once, and a namespace goes with its last client', () => {
  const { registry, clients } = filled();
  expect(registry.remove(clients[2])).toMatchObject({ client: clients[2], namespace: 'b' });
  expect(registry.remove(clients[2])).toBeUndefined();
  expect(registry.get(clients[2])).toBeUndefined();
  expect([...registry.namespaces()]).toEqual([{ namespace: 'a', connections: 2 }]);
  registry.remove(clients[0]);
  registry.remove(clients[1]);
  expect([registry.size, registry.namespaceCount]).toEqual([0, 0]);
});

test('looking at a namespace that nobody is in does not create it', () => {
  const { registry } = filled();
  registry.of('nobody');
  expect(registry.namespaceCount).toBe(2);
});

test('a walk over a namespace visits who is still there, when clients are removed in the middle of it', () => {
  const { registry, clients } = filled();
  const visited = [];
  for (const record of registry.of('a')) {
    visited.push(record.client);
    registry.remove(clients[0]);
    registry.remove(clients[1]);
  }
  expect(visited).toEqual([clients[0]]);
});

test('clear forgets everybody and returns who was there', () => {
  const { registry, clients } = filled();
  expect(registry.clear().map(({ client }) => client)).toEqual([...clients]);
  expect([registry.size, registry.namespaceCount, registry.clear()]).toEqual([0, 0, []]);
  expect(registry.of('a').size).toBe(0);
});
