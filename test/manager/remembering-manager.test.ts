import { describe, expect, test } from 'vitest';
import { NewestCursors } from '../../src/manager/newest-cursors.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';

const cursorText = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;
const hello = (cursor: string) => JSON.stringify({ type: 'hello', clientId: 'c', cursor });

function managerThat({ newest = new NewestCursors(10, true) } = {}) {
  return new WebSocketManager(undefined, undefined, new FakeClock(), newest);
}

function join(manager: WebSocketManager, namespace = 'a'): FakeClient {
  const client = new FakeClient();
  manager.addClient(client, { namespace });
  return client;
}

test('what is broadcast is forwarded, with resets; what is delivered for others is not, and is no broadcast', () => {
  const forwarded: unknown[] = [];
  const others = {
    broadcast: (...cursor: unknown[]) => void forwarded.push(cursor),
    kick: (kick: unknown) => void forwarded.push(kick),
  };
  const newest = new NewestCursors(10, true);
  const manager = new WebSocketManager(undefined, undefined, new FakeClock(), newest, others);
  const client = join(manager);
  manager.broadcastCursor('42', 'a');
  expect(manager.deliverCursor('43', 'a')).toMatchObject({ delivered: 1, failed: 0 });
  expect(manager.resetCursor('7', 'a')).toMatchObject({ delivered: 1, failed: 0 });
  manager.deliverCursor('44', 'a', 0);
  expect(() => manager.resetCursor('', 'a')).toThrow('cursor');
  manager.broadcastCursor('8', 'a', { affectedPrincipals: ['user:bob'] });
  expect(client.sent).toEqual(['42', '43', '7', '44', '8'].map(cursorText));
  expect(forwarded).toEqual([
    ['42', 'a', false, undefined],
    ['7', 'a', true, undefined],
    ['8', 'a', false, { affectedPrincipals: ['user:bob'] }],
  ]);
  expect([manager.broadcasts, manager.deliveries, newest.get('a')?.cursor]).toEqual([3, 5, '8']);
});

describe('a client that says hello', () => {
  test('behind the newest cursor is sent it, alone and once', () => {
    const manager = managerThat();
    manager.broadcastCursor('41', 'a');
    manager.broadcastCursor('42', 'a');
    const [behind, bystander] = [join(manager), join(manager)];
    manager.handleMessage(behind, hello('7'));
    expect(behind.sent).toEqual([cursorText('42')]);
    expect(bystander.sent).toEqual([]);
    expect([manager.resumed, manager.broadcasts, manager.deliveries]).toEqual([1, 2, 0]);
  });

  test('with the newest cursor is sent nothing', () => {
    const manager = managerThat();
    manager.broadcastCursor('42', 'a');
    const client = join(manager);
    manager.handleMessage(client, hello('42'));
    manager.handleMessage(client, '{"type":"hello","clientId":"c"}');
    manager.handleMessage(client, 'junk');
    expect(client.sent).toEqual([]);
    expect(manager.resumed).toBe(0);
  });

  test('late is not sent again what it heard since it came', () => {
    const manager = managerThat();
    const client = join(manager);
    manager.broadcastCursor('42', 'a');
    manager.handleMessage(client, hello('0'));
    expect(client.sent).toEqual([cursorText('42')]);
    expect(manager.resumed).toBe(0);
  });

  test('after an older cursor was broadcast is still sent the newest', () => {
    const manager = managerThat();
    manager.broadcastCursor('42', 'a');
    const client = join(manager);
    manager.broadcastCursor('41', 'a');
    manager.handleMessage(client, hello('0'));
    expect(client.sent).toEqual([cursorText('41'), cursorText('42')]);
  });

  test('is never sent the cursor of another namespace', () => {
    const manager = managerThat();
    manager.broadcastCursor('42', 'a');
    const client = join(manager, 'b');
    manager.handleMessage(client, JSON.stringify({ type: 'hello', namespace: 'a', cursor: '0' }));
    expect(client.sent).toEqual([]);
  });

  test('and is not tracked is sent nothing', () => {
    const manager = managerThat();
    manager.broadcastCursor('42', 'a');
    const stranger = new FakeClient();
    manager.handleMessage(stranger, hello('0'));
    expect(stranger.sent).toEqual([]);
  });

  test('and whose send throws is removed and closed as in a broadcast', () => {
    const manager = managerThat();
    manager.broadcastCursor('42', 'a');
    const client = join(manager);
    client.sendError = new Error('broken pipe');
    manager.handleMessage(client, hello('0'));
    expect(client.closes).toEqual([{ code: 1001, reason: 'Broadcast send failed' }]);
    expect([manager.connectionCount, manager.resumed]).toEqual([0, 0]);
  });

  test('in a namespace that had to make room is sent nothing', () => {
    const manager = managerThat({ newest: new NewestCursors(2, true) });
    for (const namespace of ['a', 'b', 'c']) manager.broadcastCursor('42', namespace);
    const clients = ['a', 'b', 'c'].map((namespace) => join(manager, namespace));
    for (const client of clients) manager.handleMessage(client, hello('0'));
    expect(clients.map(({ sent }) => sent.length)).toEqual([0, 1, 1]);
  });

  test('is sent nothing where the manager only remembers', () => {
    const newest = new NewestCursors(10, false);
    const manager = managerThat({ newest });
    manager.broadcastCursor('42', 'a');
    const client = join(manager);
    manager.handleMessage(client, hello('0'));
    expect(client.sent).toEqual([]);
    expect(newest.get('a')?.cursor).toBe('42');
  });
});

test('a client that is let in by a send in the middle of a broadcast, which passes it by, is caught up by its hello', () => {
  const manager = managerThat();
  const late = new FakeClient();
  const first = join(manager);
  first.onSend = () => {
    manager.addClient(late, { namespace: 'a' });
  };
  manager.broadcastCursor('42', 'a');
  expect(late.sent).toEqual([]);
  manager.handleMessage(late, hello('0'));
  expect(late.sent).toEqual([cursorText('42')]);
});

test('a cursor that is refused as no string at all is not remembered', () => {
  const newest = new NewestCursors(10, true);
  const manager = managerThat({ newest });
  expect(() => manager.broadcastCursor('', 'a')).toThrow(/cursor/);
  expect(newest.size).toBe(0);
});
