import { afterEach, expect, test } from 'vitest';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

const BINARY = 0x2;
const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;

afterEach(disposeLive);

test('a message of 64 KiB is read, and one byte more closes its connection with 1009', async () => {
  const { wsUrl, server, events } = await startServer();
  const [client, other] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
  client.say('x'.repeat(64 * 1024));
  await client.roundTrip();
  expect(client.isOpen).toBe(true);
  client.say('x'.repeat(64 * 1024 + 1));
  expect((await client.closed()).code).toBe(1009);
  await events.until('closed');
  expect(events.of('closed')).toMatchObject([{ code: 1009, by: 'server', connection: { id: 1 } }]);
  expect(server.stats()).toMatchObject({ connections: 1, closed: { 1009: 1 } });
  server.websocketHandler.broadcastCursor('1', 'a');
  expect(await other.received(1)).toEqual([message('1')]);
});

test('the largest message can be set', async () => {
  const { wsUrl } = await startServer({ maxMessageSizeBytes: 100 });
  const client = await openClient(wsUrl, 'a');
  client.say('x'.repeat(101));
  expect((await client.closed()).code).toBe(1009);
});

test('binary and malformed messages are ignored, and the connection stays', async () => {
  const { wsUrl, server, events } = await startServer();
  const client = await openClient(wsUrl, 'a');
  client.sendFrame(BINARY, Buffer.from('{"type":"hello","clientId":"binary"}'));
  client.sendFrame(BINARY, Buffer.from([0xff, 0x00]));
  for (const junk of ['', '{', 'null', '[]', '42', '{"type":"cursor","cursor":"9"}', '{"type":"hello"}']) {
    client.say(junk);
  }
  await client.roundTrip();
  expect(events.of('hello')).toEqual([]);
  server.websocketHandler.broadcastCursor('1', 'a');
  expect(await client.received(1)).toEqual([message('1')]);
  expect(client.isOpen).toBe(true);
});

test.each<[string, number, Buffer]>([
  ['text that is not UTF-8', 1007, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe])],
  ['a frame without a mask', 1002, Buffer.from([0x81, 0x01, 0x41])],
  ['an opcode that does not exist', 1002, Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
])('a breach of the WebSocket protocol (%s) closes its connection with %i', async (_, code, bytes) => {
  const { wsUrl, server, events } = await startServer();
  const client = await openClient(wsUrl, 'a');
  client.socket.write(bytes);
  expect((await client.closed()).code).toBe(code);
  await events.until('closed');
  expect(events.of('closed')).toMatchObject([{ code, by: 'server' }]);
  expect(server.stats()).toMatchObject({ connections: 0, closed: { [code]: 1 } });
});

test.each([
  ['a single cursor', '{"type":"hello","clientId":"c-1","cursor":"0"}'],
  ['a cursor per resource', '{"type":"hello","clientId":"c-1","cursors":{"todos":"42"}}'],
])('a hello with %s registers the id of the client, once', async (_, hello) => {
  const { wsUrl, events } = await startServer();
  const client = await openClient(wsUrl, 'a');
  client.say(hello);
  client.say(hello);
  await client.roundTrip();
  expect(events.of('hello').map(({ connection }) => connection)).toEqual([
    { id: 1, namespace: 'a', clientId: 'c-1', remoteAddress: '127.0.0.1' },
  ]);
});

test('a namespace in a hello does not move the client', async () => {
  const { wsUrl, server, events } = await startServer();
  const client = await openClient(wsUrl, 'own');
  client.say('{"type":"hello","clientId":"c-1","cursor":"0","namespace":"other"}');
  expect((await events.until('hello'))[0]?.connection.namespace).toBe('own');
  expect(server.websocketHandler.broadcastCursor('1', 'other')).toMatchObject({ delivered: 0, failed: 0 });
  server.websocketHandler.broadcastCursor('2', 'own');
  expect(await client.received(1)).toEqual([message('2')]);
});

test('a message of a client that was turned away is not read', async () => {
  const { wsUrl, events } = await startServer({ maxConnections: 0 });
  const client = await openClient(wsUrl, 'a', { answersClose: false });
  expect(await client.closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
  client.say('{"type":"hello","clientId":"c-1","cursor":"0"}');
  client.close(1000);
  await client.gone();
  expect(events.events.map(({ event }) => event)).toEqual(['refused']);
});

test('silent clients get pings and a 1001, answering ones stay', async () => {
  const { wsUrl, server } = await startServer({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 60 });
  const silent = await openClient(wsUrl, 'a', { answersPing: false });
  const healthy = await openClient(wsUrl, 'a');
  expect(await silent.closed()).toEqual({ code: 1001, reason: 'Heartbeat timeout' });
  await healthy.until(() => healthy.pings >= 3, 'three pings');
  expect(healthy.isOpen).toBe(true);
  expect(server.stats()).toMatchObject({ connections: 1, accepted: 2, closed: { 1001: 1 } });
});
