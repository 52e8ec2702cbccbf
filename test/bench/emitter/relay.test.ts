import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type EmitRelay, openEmitRelay } from '../../../src/bench/emitter/autocannon.js';
import { within } from '../../support/deadline.js';

const TARGET = { kind: 'api', urls: ['http://127.0.0.1:1'], adminToken: undefined, tls: undefined } as const;

const relays: EmitRelay[] = [];
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
});

async function open(emit: () => Promise<boolean>): Promise<EmitRelay> {
  const relay = await openEmitRelay(TARGET, 'first', emit);
  relays.push(relay);
  return relay;
}

/** Sends bytes on a connection of its own; what comes back until it ends, or until it says `enough`. */
async function send(relay: EmitRelay, bytes: string, enough?: string): Promise<string> {
  const socket = connect(Number(new URL(relay.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text;
    if (enough !== undefined && answer.includes(enough)) socket.end();
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await within(once(socket, 'close'), 'the end of the connection');
  return answer;
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

test('a request at its secret path is one emit, and whether that was taken is the answer', async () => {
  let emits = 0;
  const relay = await open(async () => {
    emits += 1;
    return emits === 1;
  });
  const { pathname } = new URL(relay.url);
  expect(await send(relay, request(pathname), '\r\n\r\n')).toMatch(/^HTTP\/1.1 204 /);
  expect(await send(relay, request(pathname), '\r\n\r\n')).toMatch(/^HTTP\/1.1 502 /);
  expect(emits).toBe(2);
  expect((await fetch(relay.url)).status).toBe(502);
});

test.each([
  ['another path', () => request('/')],
  ['half of the path', (path: string) => request(path.slice(0, 20))],
  ['more than the path', (path: string) => request(`${path}x`)],
  ['another method', (path: string) => request(path).replace('GET', 'POST')],
  ['something that is no HTTP', () => 'hello\r\n\r\n'],
  ['a head without end', (path: string) => `GET ${path} HTTP/1.1\r\nx: ${'x'.repeat(10_000)}`],
])('a request with %s emits nothing, and ends the connection', async (_, bytes) => {
  let emits = 0;
  const relay = await open(async () => {
    emits += 1;
    return true;
  });
  expect(await send(relay, bytes(new URL(relay.url).pathname))).toBe('');
  expect(emits).toBe(0);
});

test('the path of each relay is another one', async () => {
  const paths = [await open(async () => true), await open(async () => true)].map(
    ({ url }) => new URL(url).pathname,
  );
  expect(paths[0]).not.toBe(paths[1]);
  expect(paths[0]?.length).toBeGreaterThan(40);
});

test('close() waits for an emit that is under way, and begins no other', async () => {
  let finish!: (isTaken: boolean) => void;
  let emits = 0;
  const begun = new Promise<void>((begin) => {
    void openEmitRelay(TARGET, 'first', () => {
      emits += 1;
      begin();
      return new Promise((resolve) => {
        finish = resolve;
      });
    }).then((relay) => relays.push(relay) && void send(relay, request(new URL(relay.url).pathname)));
  });
  await begun;
  const [relay] = relays.splice(0) as [EmitRelay];
  let isClosed = false;
  const closing = relay.close().then(() => {
    isClosed = true;
  });
  expect(await send(relay, request(new URL(relay.url).pathname))).toBe('');
  expect([isClosed, emits]).toEqual([false, 1]);
  finish(true);
  await within(closing, 'the end of the relay');
});

test('what an emit throws breaks the relay, and holds up nothing', async () => {
  const relay = await open(() => Promise.reject(new TypeError('ouch')));
  void send(relay, request(new URL(relay.url).pathname));
  await expect(within(relay.broken, 'the error')).rejects.toThrow('ouch');
});
