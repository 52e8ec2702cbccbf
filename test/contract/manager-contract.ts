import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WsManagerConfig } from '../../src/manager/types.js';
import { RecordingLogger } from '../support/recording-logger.js';
import type { ContractClient, ContractHarness, ContractSession } from './harness.js';

const JUNK = [
  '',
  ' ',
  'hello',
  '{',
  '{"type":"hello"',
  'null',
  'true',
  '42',
  '"hello"',
  '[]',
  '["hello"]',
  '{}',
  '{"type":"cursor","cursor":"1"}',
  '{"type":["hello"],"clientId":"x"}',
  '{"type":"hello"}',
  '{"type":"hello","clientId":42}',
  '{"type":"hello","clientId":null,"cursor":{},"cursors":[]}',
  '{"type":"hello","clientId":"","cursors":{"todos":7}}',
  '{"__proto__":{"type":"hello","clientId":"x"}}',
  `{"type":"hello","clientId":"${'x'.repeat(10_000)}"}`,
  '['.repeat(20_000),
  '\u0000\uffff',
];

const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;

/** Runs the manager's whole contract on one transport. */
export function describeManagerContract(harness: ContractHarness): void {
  const { heartbeatIntervalMs, heartbeatTimeoutMs } = harness;
  const withHeartbeat: WsManagerConfig = { heartbeatIntervalMs, heartbeatTimeoutMs };
  // A beat, its deadline, and a quarter of an interval for a transport on which things take time.
  const untilSilentIsGone = heartbeatIntervalMs * 1.25 + heartbeatTimeoutMs;

  describe(`WebSocketManager on ${harness.name}`, () => {
    let logger: RecordingLogger;
    let session: ContractSession;
    const sessions: ContractSession[] = [];

    async function start(config: WsManagerConfig = {}): Promise<void> {
      session = await harness.start({ heartbeatIntervalMs: 0, ...config }, logger);
      sessions.push(session);
    }

    async function connectMany(count: number, namespace: string): Promise<ContractClient[]> {
      return Promise.all(Array.from({ length: count }, () => session.connect(namespace)));
    }

    async function broadcast(cursor: string, namespace: string) {
      const result = session.manager.broadcastCursor(cursor, namespace);
      await session.settle();
      return result;
    }

    beforeEach(() => {
      logger = new RecordingLogger();
    });

    afterEach(async () => {
      await Promise.all(sessions.splice(0).map((started) => started.stop()));
    });

    describe('broadcast', () => {
      test('a cursor reaches each client of its namespace once, byte for byte, as a text message', async () => {
        await start();
        const clients = await connectMany(3, 'a');
        expect(await broadcast('42', 'a')).toMatchObject({ delivered: 3, failed: 0 });
        for (const client of clients) expect(client.received).toEqual(['{"type":"cursor","cursor":"42"}']);
      });

      test('a cursor reaches no client of another namespace, however alike the names are', async () => {
        await start();
        await session.connect('a');
        const others = await Promise.all(
          ['A', 'a ', 'a:1', 'á', '__proto__', 'constructor'].map((namespace) => session.connect(namespace)),
        );
        await broadcast('42', 'a');
        for (const other of others) expect([other.admitted, other.received]).toEqual([true, []]);
      });

      test('namespaces named like properties of Object are namespaces as any other', async () => {
        await start();
        const client = await session.connect('__proto__');
        const other = await session.connect('toString');
        await broadcast('1', '__proto__');
        expect(client.received).toEqual([message('1')]);
        expect(other.received).toEqual([]);
      });

      test('successive cursors arrive in the order of their broadcasts', async () => {
        await start();
        const client = await session.connect('a');
        const cursors = Array.from({ length: 50 }, (_, index) => String(index));
        for (const cursor of cursors) session.manager.broadcastCursor(cursor, 'a');
        await session.settle();
        expect(client.received).toEqual(cursors.map(message));
      });

      test('a cursor with quotes, a backslash, a newline and non-ASCII text arrives as valid JSON', async () => {
        await start();
        const client = await session.connect('a');
        await broadcast('"\\\n é 日 😀', 'a');
        expect(client.received).toEqual(['{"type":"cursor","cursor":"\\"\\\\\\n é 日 😀"}']);
        expect(JSON.parse(client.received[0] ?? '')).toEqual({ type: 'cursor', cursor: '"\\\n é 日 😀' });
      });

      test('a broadcast to a namespace without clients is handed to nobody', async () => {
        await start();
        const client = await session.connect('a');
        expect(await broadcast('42', 'nobody')).toMatchObject({ delivered: 0, failed: 0 });
        expect(client.received).toEqual([]);
      });

      test('a client that left is handed nothing more, and the others still are', async () => {
        await start();
        const [leaver, stayer] = [await session.connect('a'), await session.connect('a')];
        await broadcast('1', 'a');
        await leaver.leave();
        expect(await broadcast('2', 'a')).toMatchObject({ delivered: 1, failed: 0 });
        expect(leaver.received).toEqual([message('1')]);
        expect(stayer.received).toEqual([message('1'), message('2')]);
      });
    });

    describe('limits', () => {
      test('exactly maxConnections clients are admitted, whatever their namespaces', async () => {
        await start({ maxConnections: 3 });
        const clients = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => session.connect(name)));
        expect(clients.filter(({ admitted }) => admitted)).toHaveLength(3);
        expect(session.manager.connectionCount).toBe(3);
        for (const refused of clients.filter(({ admitted }) => !admitted)) {
          expect(refused.admitted).toBe(false);
          expect(await refused.closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
        }
      });

      test('exactly maxConnectionsPerNamespace clients are admitted to one namespace, and others are not affected', async () => {
        await start({ maxConnectionsPerNamespace: 2 });
        const clients = await connectMany(5, 'a');
        const elsewhere = await session.connect('b');
        expect(clients.filter(({ admitted }) => admitted)).toHaveLength(2);
        expect(elsewhere.admitted).toBe(true);
        for (const refused of clients.filter(({ admitted }) => !admitted)) {
          expect(refused.admitted).toBe(false);
          expect(await refused.closed()).toEqual({
            code: 4503,
            reason: 'Namespace connection limit reached',
          });
        }
      });

      test('the global limit speaks first when both are reached', async () => {
        await start({ maxConnections: 2, maxConnectionsPerNamespace: 2 });
        await connectMany(2, 'a');
        const refused = await session.connect('a');
        expect(await refused.closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
      });

      test('a client that leaves frees its slot in its namespace and in all, once', async () => {
        await start({ maxConnections: 3, maxConnectionsPerNamespace: 2 });
        const [first] = await connectMany(2, 'a');
        await session.connect('b');
        await first?.leave();
        expect(session.manager.connectionCount).toBe(2);
        expect((await session.connect('a')).admitted).toBe(true);
        expect((await session.connect('a')).admitted).toBe(false);
        expect((await session.connect('c')).admitted).toBe(false);
      });

      test('refused clients hold no slot, however many there are and however they end', async () => {
        await start({ maxConnectionsPerNamespace: 1 });
        const holder = await session.connect('a');
        const refused = await connectMany(5, 'a');
        await Promise.all(refused.map((client) => client.closed()));
        await Promise.all(refused.map((client) => client.leave()));
        expect(session.manager.connectionCount).toBe(1);
        expect((await session.connect('a')).admitted).toBe(false);
        await holder.leave();
        expect(session.manager.connectionCount).toBe(0);
        expect((await session.connect('a')).admitted).toBe(true);
      });

      test('a refused client hears no cursor', async () => {
        await start({ maxConnectionsPerNamespace: 1 });
        await session.connect('a');
        const refused = await session.connect('a');
        expect(await broadcast('42', 'a')).toMatchObject({ delivered: 1, failed: 0 });
        expect(refused.received).toEqual([]);
      });

      test('a limit of 0 admits nobody', async () => {
        await start({ maxConnections: 0 });
        expect((await session.connect('a')).admitted).toBe(false);
        await start({ maxConnectionsPerNamespace: 0 });
        expect((await session.connect('a')).admitted).toBe(false);
      });
    });

    describe('namespace', () => {
      test('a namespace in a hello is ignored: the client hears its own namespace and no other', async () => {
        await start();
        const spoofer = await session.connect('own');
        spoofer.say('{"type":"hello","clientId":"spoofer","cursor":"0","namespace":"other"}');
        await session.settle();
        await broadcast('1', 'other');
        await broadcast('2', 'own');
        expect(spoofer.received).toEqual([message('2')]);
        expect(session.manager.describeClient(spoofer.transport)).toEqual({
          namespace: 'own',
          clientId: 'spoofer',
        });
      });

      test('an empty namespace is refused and closed', async () => {
        await start();
        const client = await session.connect('');
        expect(client.admitted).toBe(false);
        expect((await client.closed()).code).toBeGreaterThanOrEqual(4000);
        expect(session.manager.connectionCount).toBe(0);
      });

      test('adding a tracked client again for the same namespace returns true and changes nothing', async () => {
        await start({ maxConnections: 1, maxConnectionsPerNamespace: 1 });
        const client = await session.connect('a');
        expect(session.manager.addClient(client.transport, { namespace: 'a' })).toBe(true);
        expect(session.manager.connectionCount).toBe(1);
        expect(await broadcast('42', 'a')).toMatchObject({ delivered: 1, failed: 0 });
        expect(client.received).toEqual([message('42')]);
        expect(client.isOpen).toBe(true);
        expect(logger.warnings).toEqual([]);
      });

      test.each(['b', ''])(
        'adding a tracked client again for namespace "%s" returns false, warns and changes nothing',
        async (namespace) => {
          await start();
          const client = await session.connect('a');
          expect(session.manager.addClient(client.transport, { namespace })).toBe(false);
          expect(logger.warnings).toHaveLength(1);
          await broadcast('1', 'b');
          await broadcast('2', 'a');
          expect(client.received).toEqual([message('2')]);
          expect([client.isOpen, client.closeCalls]).toEqual([true, 0]);
          expect([...session.manager.namespaces()]).toEqual([{ namespace: 'a', connections: 1 }]);
        },
      );
    });

    describe('hello', () => {
      test.each([
        ['a single cursor', '{"type":"hello","clientId":"c-1","cursor":"0"}'],
        ['a cursor per resource', '{"type":"hello","clientId":"c-1","cursors":{"todos":"42","lists":"7"}}'],
        ['no cursor at all', '{"type":"hello","clientId":"c-1"}'],
      ])('a hello with %s registers the id of the client', async (_, hello) => {
        await start();
        const client = await session.connect('a');
        expect(session.manager.describeClient(client.transport)).toEqual({
          namespace: 'a',
          clientId: undefined,
        });
        client.say(hello);
        await session.settle();
        expect(session.manager.describeClient(client.transport)).toEqual({
          namespace: 'a',
          clientId: 'c-1',
        });
        expect(client.received).toEqual([]);
      });

      test('junk is ignored, and the connection stays and hears its cursors', async () => {
        await start();
        const client = await session.connect('a');
        client.say('{"type":"hello","clientId":"before","cursor":"0"}');
        for (const junk of JUNK) client.say(junk);
        await session.settle();
        expect(session.manager.describeClient(client.transport)?.clientId).toBe('before');
        await broadcast('42', 'a');
        expect(client.received).toEqual([message('42')]);
        expect([client.isOpen, client.closeCalls]).toEqual([true, 0]);
      });

      test('binary messages are ignored, a hello in binary among them, and the connection stays', async () => {
        await start();
        const client = await session.connect('a');
        client.sayBinary(Buffer.from('{"type":"hello","clientId":"binary","cursor":"0"}'));
        client.sayBinary(Buffer.from([0xff, 0xfe, 0x00]));
        client.sayBinary(Buffer.alloc(0));
        await session.settle();
        expect(session.manager.describeClient(client.transport)?.clientId).toBeUndefined();
        await broadcast('42', 'a');
        expect(client.received).toEqual([message('42')]);
        expect([client.isOpen, client.closeCalls]).toEqual([true, 0]);
      });
    });

    describe('heartbeat', () => {
      test('a client that answers is pinged each interval and stays', async () => {
        await start(withHeartbeat);
        const client = await session.connect('a');
        // Intervals, not time: a process that is stopped misses pings.
        let intervals = 0;
        while (client.pings < 3 && intervals < 50) {
          await session.elapse(heartbeatIntervalMs);
          await session.settle();
          intervals += 1;
        }
        expect(client.pings).toBeGreaterThanOrEqual(3);
        expect(client.pings).toBeLessThanOrEqual(intervals + 1);
        await session.elapse(untilSilentIsGone);
        expect(client.isOpen).toBe(true);
        expect(session.manager.connectionCount).toBe(1);
      });

      test('a client that stops answering is removed and closed with 1001 Heartbeat timeout, and nobody else is', async () => {
        await start({ ...withHeartbeat, maxConnections: 2 });
        const silent = await session.connect('a');
        const healthy = await session.connect('a');
        silent.stopPonging();
        await session.elapse(untilSilentIsGone);
        expect(await silent.closed()).toEqual({ code: 1001, reason: 'Heartbeat timeout' });
        expect(silent.closeCalls).toBe(1);
        expect(session.manager.connectionCount).toBe(1);
        expect(await broadcast('42', 'a')).toMatchObject({ delivered: 1, failed: 0 });
        expect([healthy.received, healthy.isOpen]).toEqual([[message('42')], true]);
        expect((await session.connect('a')).admitted).toBe(true);
      });

      test('an interval of 0 pings nobody and a silent client stays', async () => {
        await start({ heartbeatIntervalMs: 0, heartbeatTimeoutMs });
        const silent = await session.connect('a');
        silent.stopPonging();
        await session.elapse(untilSilentIsGone);
        await session.settle();
        expect([silent.pings, silent.isOpen]).toEqual([0, true]);
      });
    });

    describe('close and destroy', () => {
      test('close() closes everybody with 1001 Going Away and clears all state', async () => {
        await start(withHeartbeat);
        const clients = [...(await connectMany(2, 'a')), await session.connect('b')];
        session.manager.close();
        for (const client of clients) {
          expect(await client.closed()).toEqual({ code: 1001, reason: 'Going Away' });
        }
        expect(session.manager.connectionCount).toBe(0);
        expect(session.manager.namespaceCount).toBe(0);
        expect([...session.manager.namespaces()]).toEqual([]);
        expect(session.manager.broadcastCursor('42', 'a')).toMatchObject({ delivered: 0, failed: 0 });
        for (const client of clients) expect(client.received).toEqual([]);
      });

      test('after close() a client is refused with 1001, and hears nothing', async () => {
        await start();
        session.manager.close();
        const late = await session.connect('a');
        expect(late.admitted).toBe(false);
        expect((await late.closed()).code).toBe(1001);
        expect(session.manager.broadcastCursor('42', 'a')).toMatchObject({ delivered: 0, failed: 0 });
        expect(late.received).toEqual([]);
      });

      test('close() again closes nobody a second time', async () => {
        await start();
        const client = await session.connect('a');
        session.manager.close();
        session.manager.close();
        await client.closed();
        session.manager.close();
        expect(client.closeCalls).toBe(1);
      });

      test('destroy() stops the heartbeat and closes nobody, silent clients included', async () => {
        await start(withHeartbeat);
        const silent = await session.connect('a');
        silent.stopPonging();
        session.manager.destroy();
        session.manager.destroy();
        await session.elapse(untilSilentIsGone);
        await broadcast('42', 'a');
        expect([silent.pings, silent.isOpen, silent.closeCalls]).toEqual([0, true, 0]);
        expect(silent.received).toEqual([message('42')]);
      });

      test('close() after destroy() still closes everybody', async () => {
        await start(withHeartbeat);
        const client = await session.connect('a');
        session.manager.destroy();
        session.manager.close();
        expect(await client.closed()).toEqual({ code: 1001, reason: 'Going Away' });
      });
    });

    describe('unauthenticated', () => {
      test('a client without a namespace is closed with 4401 by who accepts it, and the manager never knows it', async () => {
        await start({ maxConnections: 1 });
        const stranger = await session.connectUnauthenticated();
        expect(await stranger.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
        expect(stranger.admitted).toBeUndefined();
        expect(session.manager.connectionCount).toBe(0);
        expect((await session.connect('a')).admitted).toBe(true);
      });
    });
  });
}
