import { afterEach, describe, expect, test } from 'vitest';
import { Connection, type ConnectionObserver, type ConnectionOptions } from '../../src/listen/connection.js';
import { Waiters, within } from '../support/deadline.js';
import {
  accepting,
  close,
  cursor,
  disposeUpgradeServers,
  frame,
  text,
  upgradeServer,
} from './upgrade-server.js';

afterEach(disposeUpgradeServers);

/** A connection and what it told, in order. */
class Recorded implements ConnectionObserver {
  readonly told: string[] = [];
  readonly connection: Connection;
  readonly #waiters = new Waiters();

  constructor(options: Partial<ConnectionOptions> & { readonly url: string }) {
    const plain = { token: undefined, tokenVia: 'query', tls: undefined, hello: { type: 'hello' } } as const;
    this.connection = new Connection({ ...plain, ...options }, this);
  }

  connected(): void {
    this.#tell('connected');
  }
  cursor(value: string): void {
    this.#tell(`cursor ${value}`);
  }
  ignored(kind: string): void {
    this.#tell(`ignored ${kind}`);
  }
  ping(): void {
    this.#tell('ping');
  }

  ended() {
    return within(this.connection.ended, () => `the end of the connection; it told ${this.told}`);
  }

  until(count: number): Promise<void> {
    return this.#waiters.until(
      () => this.told.length >= count,
      () => `${count} events, got ${this.told}`,
    );
  }

  #tell(what: string): void {
    this.told.push(what);
    this.#waiters.changed();
  }
}

describe('a connection', () => {
  test('says hello, answers pings, tells cursors, and leaves with 1000', async () => {
    const read: Buffer[] = [];
    const waiters = new Waiters();
    const url = await upgradeServer((socket, head) => {
      socket.on('data', (chunk) => {
        read.push(chunk);
        waiters.changed();
      });
      socket.write(Buffer.concat([Buffer.from(accepting(head)), frame(0x9, 'x'), cursor('42'), cursor(43)]));
    });
    const recorded = new Recorded({ url });
    await recorded.until(4);
    expect(recorded.told).toEqual(['connected', 'ping', 'cursor 42', 'cursor 43']);
    // Masked: a text frame of 16 bytes, then a pong of one.
    await waiters.until(() => Buffer.concat(read).length >= 22 + 7, 'hello and pong');
    const sent = Buffer.concat(read);
    expect(unmasked(sent)).toEqual([0x81, '{"type":"hello"}']);
    expect(unmasked(sent.subarray(22))).toEqual([0x8a, 'x']);
    recorded.connection.close();
    await waiters.until(() => Buffer.concat(read).length >= 22 + 7 + 8, 'the close frame');
    expect(Buffer.concat(read)[29]).toBe(0x88);
    expect(await recorded.ended()).toMatchObject({ kind: 'closed', code: 1000 });
  });

  test('tells what a DataFn client ignores by its kind', async () => {
    const url = await upgradeServer((socket, head) => {
      const messages = [text('{"type":"presence"}'), text('junk'), frame(0x2, 'x'), cursor('1')];
      socket.write(Buffer.concat([Buffer.from(accepting(head)), ...messages]));
    });
    const recorded = new Recorded({ url });
    await recorded.until(5);
    expect(recorded.told).toEqual([
      'connected',
      'ignored type "presence"',
      'ignored text that is not JSON',
      'ignored a binary message',
      'cursor 1',
    ]);
    recorded.connection.close();
    await recorded.ended();
  });

  test('that is closed at once was refused: it never counts as connected', async () => {
    const url = await upgradeServer((socket, head) => {
      socket.end(Buffer.concat([Buffer.from(accepting(head)), close(4401, 'Unauthorized')]));
    });
    const recorded = new Recorded({ url });
    expect(await recorded.ended()).toEqual({
      kind: 'closed',
      code: 4401,
      reason: 'Unauthorized',
      wasConnected: false,
      error: undefined,
    });
    expect(recorded.told).toEqual([]);
  });

  test('that a quiet server keeps counts as connected without a message', async () => {
    const url = await upgradeServer((socket, head) => socket.write(accepting(head)));
    const recorded = new Recorded({ url });
    await recorded.until(1);
    expect(recorded.told).toEqual(['connected']);
    recorded.connection.close();
    await recorded.ended();
  });

  test.each([
    ['query', /^GET \/datafn\/ws\?v=2&token=a%20b HTTP/],
    ['header', /authorization: Bearer a b\r\n/i],
    ['cookie', /cookie: datafn_token=a%20b\r\n/i],
    ['subprotocol', /sec-websocket-protocol: datafn\.bearer\.YSBi\r\n/i],
  ] as const)('shows its token by %s', async (tokenVia, expected) => {
    const heads: string[] = [];
    const url = await upgradeServer((socket, head) => {
      heads.push(head);
      socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
    });
    const recorded = new Recorded({ url: `${url}?v=2`, token: 'a b', tokenVia });
    expect(await recorded.ended()).toMatchObject({ kind: 'answered', status: 503 });
    expect(heads).toEqual([expect.stringMatching(expected)]);
    expect(heads[0]).toMatch(/^GET \/datafn\/ws\?v=2/);
  });

  test('reads nothing while it is paused, and all of it afterwards', async () => {
    // More than the sockets of both ends hold.
    const CURSORS = 2000;
    const padding = 'x'.repeat(10_000);
    const padded = (value: number) => text(JSON.stringify({ type: 'cursor', cursor: value, padding }));
    const url = await upgradeServer((socket, head) => {
      socket.write(Buffer.concat([Buffer.from(accepting(head)), cursor(1)]));
      socket.once('data', () => {
        let last = 1;
        const more = () => {
          while (last < CURSORS && socket.write(padded(++last)));
        };
        socket.on('drain', more);
        more();
      });
    });
    const paused = new Recorded({ url });
    await paused.until(2);
    paused.connection.pause();
    const other = new Recorded({ url });
    await other.until(CURSORS + 1);
    // It began later and is done. The rest of the paused one waits in the sockets, and at the server.
    expect(paused.told.length).toBeLessThan(CURSORS / 2);
    paused.connection.resume();
    await paused.until(CURSORS + 1);
    expect(paused.told.at(-1)).toBe(`cursor ${CURSORS}`);
    for (const { connection } of [paused, other]) connection.close();
    await Promise.all([paused.ended(), other.ended()]);
  });
});

describe('a hostile server', () => {
  test('that never answers the upgrade is given up at the deadline, even if it sends a byte now and then', async () => {
    const url = await upgradeServer((socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 10);
      socket.on('close', () => clearInterval(drip));
    });
    const end = await new Recorded({ url, handshakeTimeoutMs: 200 }).ended();
    expect(end).toMatchObject({ kind: 'unreachable', error: { code: 'ETIMEDOUT' } });
    expect(String((end as { error: Error }).error.message)).toBe('no answer to the upgrade within 200 ms');
  });

  test('that answers with an endless body is read no further than the words that are shown', async () => {
    const url = await upgradeServer((socket) => {
      socket.write('HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\n\r\nNo entry\n');
      const more = () => {
        while (socket.writable && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    expect(await new Recorded({ url }).ended()).toMatchObject({
      kind: 'answered',
      status: 403,
      detail: 'No entry',
    });
  });

  test('that refuses with broken JSON has said nothing that could be shown', async () => {
    const url = await upgradeServer((socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\n\r\n{"detail":');
    });
    const end = await new Recorded({ url }).ended();
    expect(end).toMatchObject({ kind: 'answered', status: 403, detail: undefined });
  });

  test('that sends a message of more than 1 MiB loses the client, before the message is there', async () => {
    const url = await upgradeServer((socket, head) => {
      const announced = Buffer.alloc(10);
      announced[0] = 0x81;
      announced[1] = 127;
      announced.writeBigUInt64BE(2n ** 30n, 2);
      socket.write(Buffer.concat([Buffer.from(accepting(head)), cursor(1), announced]));
    });
    const recorded = new Recorded({ url });
    expect(await recorded.ended()).toMatchObject({
      kind: 'closed',
      code: 1006,
      wasConnected: true,
      error: 'Max payload size exceeded',
    });
    expect(recorded.told).toEqual(['connected', 'cursor 1']);
  });

  test('that sends a close frame and keeps the socket open is left', async () => {
    const url = await upgradeServer((socket, head) => {
      socket.write(Buffer.concat([Buffer.from(accepting(head)), cursor(1), close(1001, 'Going Away')]));
    });
    expect(await new Recorded({ url }).ended()).toMatchObject({ kind: 'closed', code: 1001 });
  });

  test('that refuses a client is heard, however late its answer is read', async () => {
    const url = await upgradeServer((socket, head) => {
      socket.write(accepting(head));
      // In one process with the client, which now reads nothing for longer than it waits for a refusal.
      socket.once('data', () => {
        socket.write(close(4503, 'Connection limit reached'));
        const endMs = performance.now() + 600;
        while (performance.now() < endMs);
      });
    });
    const recorded = new Recorded({ url });
    expect(await recorded.ended()).toMatchObject({ kind: 'closed', code: 4503, wasConnected: false });
  });

  test('that does not answer a close is left', async () => {
    const url = await upgradeServer((socket, head) => {
      socket.write(Buffer.concat([Buffer.from(accepting(head)), cursor(1)]));
    });
    const recorded = new Recorded({ url });
    await recorded.until(2);
    recorded.connection.close();
    expect(await recorded.ended()).toMatchObject({ kind: 'closed', code: 1000 });
  });

  test('that breaks RFC 6455 in its 101 is told apart from one that is not there', async () => {
    const url = await upgradeServer((socket) => socket.write(accepting('sec-websocket-key: another')));
    expect(await new Recorded({ url }).ended()).toEqual({
      kind: 'breach',
      what: 'Invalid Sec-WebSocket-Accept header',
    });
  });

  test('that is not there is unreachable', async () => {
    const url = await upgradeServer(() => {});
    await disposeUpgradeServers();
    expect(await new Recorded({ url }).ended()).toMatchObject({
      kind: 'unreachable',
      error: { code: 'ECONNREFUSED' },
    });
  });
});

/** First byte and payload of the masked frame that `bytes` begins with. */
function unmasked(bytes: Buffer): [number | undefined, string] {
  const length = (bytes[1] as number) & 0x7f;
  const mask = bytes.subarray(2, 6);
  const payload = bytes.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] as number));
  return [bytes[0], payload.toString()];
}
