import { afterEach, describe, expect, test } from 'vitest';
import { AttackedServer } from '../fuzz/attacked-server.js';
import { HealthyClients } from '../fuzz/healthy.js';
import { call } from '../support/http-call.js';
import { RawClient } from '../support/raw-client.js';

const PING = 0x9;

let server: AttackedServer | undefined;
const clients = new Set<RawClient>();

afterEach(() => {
  for (const { socket } of clients) socket.destroy();
  clients.clear();
  server?.dispose();
});

async function connect(wsUrl: string, options: ConstructorParameters<typeof RawClient>[1]) {
  const client = await RawClient.open(wsUrl, options);
  clients.add(client);
  return client;
}

describe('the memory of a connection', () => {
  const COUNT = 200;
  const PADDING = 'x'.repeat(14_000);
  const token = (index: number) => `tenant-${index}-of-those-with-a-long-name`;

  test.each<[string, (index: number) => ConstructorParameters<typeof RawClient>[1]]>([
    [
      'X-Forwarded-For',
      (index) => ({
        token: token(index),
        headers: { 'X-Forwarded-For': `${PADDING}, 203.0.113.${100 + (index % 100)}` },
      }),
    ],
    ['the URL', (index) => ({ token: token(index) })],
    ['a cookie', (index) => ({ headers: { Cookie: `padding=${PADDING}; datafn_token=${token(index)}` } })],
    [
      'a subprotocol',
      (index) => ({ token: token(index), headers: { 'Sec-WebSocket-Protocol': `${PADDING}.${index}` } }),
    ],
  ])('of 14 KiB in %s holds none of it once it is open', async (where, options) => {
    server = await AttackedServer.start(['--trust-proxy', 'loopback', '--heartbeat-interval', '0']);
    const url = where === 'the URL' ? `${server.wsUrl}?padding=${PADDING}` : server.wsUrl;
    // The first make the server load and allocate what all need.
    for (let index = 0; index < 50; index++) await connect(url, options(index));
    const before = await server.memory();
    for (let index = 50; index < 50 + COUNT; index++) await connect(url, options(index));
    const { live } = await server.memory();
    expect((live - before.live) / COUNT).toBeLessThan(8 * 1024);
  });
});

describe('an attack beside clients that do nothing wrong', () => {
  const deep = `{"type":"hello","x":${'['.repeat(32_000)}${']'.repeat(32_000)}}`;

  test.each<[string, string, (wsUrl: string, isOver: () => boolean) => Promise<void>]>([
    [
      'of long hellos',
      'messageRate',
      async (wsUrl, isOver) => {
        while (!isOver()) {
          const client = await connect(wsUrl, { token: 'attacker' });
          for (let count = 0; count < 10; count++) client.say(deep);
          await client.gone();
        }
      },
    ],
    [
      'of pings after the close frame',
      'bytesAfterClose',
      async (wsUrl, isOver) => {
        const pings = Buffer.concat(Array(100_000).fill(Buffer.from([0x80 | PING, 0x80, 0, 0, 0, 0])));
        while (!isOver()) {
          const stranger = await connect(wsUrl, { answersClose: false });
          stranger.socket.write(pings);
          await stranger.gone();
        }
      },
    ],
  ])('%s is counted as `%s`, and they get every cursor', async (_, limit, attack) => {
    server = await AttackedServer.start([]);
    const healthy = await HealthyClients.connect(server.wsUrl, server.apiUrl);
    healthy.begin();
    const { wsUrl, apiUrl } = server;
    let over = false;
    const attacks = Array.from({ length: 3 }, () => attack(wsUrl, () => over));
    while (healthy.emitted < 20 || ((await call('GET', `${apiUrl}/v1/stats`)).json.limited[limit] ?? 0) < 6)
      await new Promise((resolve) => setTimeout(resolve, 20));
    over = true;
    await Promise.all(attacks);
    expect(await healthy.finish()).toEqual([]);
    await healthy.leave();
  });
});
