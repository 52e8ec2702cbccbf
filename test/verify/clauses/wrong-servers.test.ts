import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { TargetAccess } from '../../../src/verify/target/settings.js';
import { Ledger } from '../../../src/verify/trial/ledger.js';
import { outcomeOf } from '../outcome.js';
import { cursorText, disposeWrong, startWrong, type Wrongs } from '../wrong-server.js';

// Clauses against servers that are wrong on purpose, each in one way, and close enough to see it at once.

afterEach(disposeWrong);

/** How a clause ends for a server. */
async function against(wrongs: Wrongs, id: string, more: Partial<TargetAccess> = {}, ledger?: Ledger) {
  const { access } = await startWrong(wrongs);
  return outcomeOf(id, Object.defineProperties(access, Object.getOwnPropertyDescriptors(more)), ledger);
}

/** An answer to a handshake without an upgrade. */
const answered = (status: string): Wrongs => ({
  upgrade: (stream) => void stream.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`),
});

/** A server that sends this text for each cursor, and after which nothing else comes. */
const sending = (textOf: (cursor: string) => string | Buffer): Wrongs => ({
  emit: async (cursors, server) => {
    for (const { namespace, cursor } of cursors) await server.broadcast(namespace, textOf(cursor));
    server.patienceMs = 1;
  },
});

/** A server that answers the first pings only: those by which clients are admitted. */
const answeringPings = (count: number): Wrongs => {
  let answers = 0;
  return {
    ping: ({ socket }, payload, server) => {
      if (answers === count) return;
      answers += 1;
      if (answers === count) server.patienceMs = 1;
      socket.pong(payload);
    },
  };
};

/** A namespace that refuses its first clients with a code, and is full with two. */
const refusingFirst = (count: number, code: number): Wrongs => {
  let refused = 0;
  return {
    connected: ({ socket }, server) => {
      if (server.of().length <= 2 && refused === count) return;
      refused = Math.min(count, refused + 1);
      socket.close(server.of().length > 2 ? 4503 : code, 'Namespace connection limit reached');
    },
  };
};

test.each(['auth/1', 'auth/6', 'hello/5', 'message/8', 'cursor/1', 'close/1', 'rfc6455/1', 'http/21'])(
  '%s holds of a server that does it',
  async (id) => {
    expect(await against({}, id)).toBe('passed');
  },
);

describe('a clause about tokens fails', () => {
  test.each<[string, string, Wrongs, RegExp]>([
    [
      'auth/1',
      'a client without a token stays',
      {
        connected: (_, server) => {
          server.patienceMs = 1;
        },
      },
      /^expected a close with 4401, or HTTP 401 or 403 .*, got an open connection after 1 ms/,
    ],
    [
      'auth/4',
      'it is closed with another code',
      { connected: ({ socket }) => socket.close(4403, 'Forbidden') },
      /^expected a close with 4401 "Unauthorized", got a close frame with 4403 "Forbidden"/,
    ],
    [
      'auth/6',
      'a refused client gets a cursor',
      {
        connected: ({ namespace, socket }) => {
          if (namespace === undefined) socket.send(cursorText('1'));
        },
      },
      /^expected nothing to reach the refused client, got \{"type":"cursor","cursor":"1"\}/,
    ],
  ])('%s: %s', async (id, _, wrongs, how) => {
    expect(await against(wrongs, id)).toMatch(how);
  });
});

describe('a clause about cursors fails', () => {
  test.each<[string, string, Wrongs, RegExp]>([
    [
      'cursor/1',
      'a cursor is a number',
      sending((cursor) => cursorText(Number(cursor))),
      /^expected the cursor as a string of digits, got "\{.*\d\}" \(7b 22 74/,
    ],
    [
      'cursor/1',
      'a cursor comes as a binary message',
      sending((cursor) => Buffer.from(cursorText(cursor))),
      /^expected the client to get cursor \d+, got nothing$/,
    ],
    [
      'cursor/1',
      'its client is closed in place of a cursor',
      {
        emit: async (_, server) => {
          for (const { socket } of server.of()) {
            socket.close(1011, 'oops');
            await once(socket, 'close');
          }
          server.patienceMs = 1;
        },
      },
      /^expected the client to get cursor \d+, got a close frame with 1011 "oops"/,
    ],
    [
      'cursor/2',
      'a cursor has a zero in front',
      sending((cursor) => cursorText(`0${cursor}`)),
      /^expected the cursor "\d+", got "\{.*:\\"0\d+\\"\}" \(/,
    ],
    ['cursor/10', 'no cursor comes', sending(() => 'nothing'), /^expected cursor \d+, got "nothing" \(/],
    [
      'hello/5',
      'cursors go to all namespaces',
      {
        emit: async ([one], server) => {
          await server.broadcast(undefined, cursorText(one?.cursor));
        },
      },
      /^expected no cursor of B to reach the client of A, got 2 messages, the last "/,
    ],
    [
      'http/21',
      'of several cursors in a request none is delivered',
      {
        emit: (_, server) => {
          server.patienceMs = 1;
        },
      },
      /^expected cursor \d+ to reach client 1, got nothing/,
    ],
    ['http/23', 'a number is a cursor', { emit: () => {} }, /^expected 400, got 200/],
  ])('%s: %s', async (id, _, wrongs, how) => {
    expect(await against(wrongs, id)).toMatch(how);
  });

  test('cursor/11: a client waits for one that does not read', async () => {
    const slow: Wrongs = {
      emit: async ([one], server) => {
        if (one?.namespace === 'a') return;
        await new Promise((resolve) => setTimeout(resolve, 550));
        await server.broadcast(one?.namespace, cursorText(one?.cursor));
      },
    };
    expect(await against(slow, 'cursor/11', { patienceMs: 2000 })).toMatch(
      /^expected the client of the other namespace to get its cursor within 500 ms, got it after \d+ ms/,
    );
  });
});

describe('a clause about the RFC fails', () => {
  test.each<[string, string, Wrongs, RegExp]>([
    [
      'rfc6455/1',
      'a ping is not answered',
      answeringPings(1),
      /^expected a pong with the same bytes, got none/,
    ],
    [
      'rfc6455/2',
      'no ping is answered after a pong',
      answeringPings(1),
      /^expected the connection to stay open after a pong, and its pings to be answered, got no pong/,
    ],
    [
      'rfc6455/21',
      'an unknown version is refused without the known ones',
      answered('400 Bad Request'),
      /^expected Sec-WebSocket-Version: 13, got HTTP 400 without the header/,
    ],
    [
      'rfc6455/26',
      'it chooses a subprotocol of its own',
      { choose: () => 'verify.three' },
      /^expected one of them, or none, got verify\.three/,
    ],
    [
      'rfc6455/28',
      'it chooses the subprotocol with the token',
      { choose: () => 'datafn.bearer.c2VjcmV0' },
      /^expected datafn-sync-v1, or none, got datafn\.bearer\.c2VjcmV0/,
    ],
    [
      'rfc6455/29',
      'it chooses an extension of its own',
      { headers: ['Sec-WebSocket-Extensions: x-zip'] },
      /^expected permessage-deflate, or no extension, got x-zip/,
    ],
    [
      'close/1',
      'the connection stays after both close frames',
      {
        connected: ({ stream }, server) => {
          stream.end = () => {
            server.patienceMs = 1;
            return stream;
          };
        },
      },
      /^expected the end of the connection, got an open connection/,
    ],
    [
      'message/8',
      'a message of 1 MiB is closed with 1008',
      {
        message: ({ socket }, { length }) => {
          if (length > 1000) socket.close(1008);
        },
      },
      /^expected an open connection, or a close with 1009, got a close frame with 1008/,
    ],
  ])('%s: %s', async (id, _, wrongs, how) => {
    expect(await against(wrongs, id)).toMatch(how);
  });

  test('rfc6455/20: the handshake is not answered', async () => {
    const silent: Wrongs = { upgrade: () => {} };
    expect(await against(silent, 'rfc6455/20', { patienceMs: 1 })).toBe(
      'expected an answer to the handshake, got no answer to the handshake',
    );
  });

  test('rfc6455/17: a frame broke it, whatever clause its client was there for', async () => {
    const ledger = new Ledger();
    const reserved: Wrongs = { connected: ({ stream }) => void stream.write(Buffer.from([0xc1, 0])) };
    expect(await against(reserved, 'rfc6455/1', {}, ledger)).toBe('passed');
    expect(await against({}, 'rfc6455/17', {}, ledger)).toBe(
      'expected no breach, got a reserved bit without an extension (section 5.2): c1 00 (during rfc6455/1)',
    );
  });
});

describe('a clause about the heartbeat fails', () => {
  const minute = { intervalMs: 60_000, timeoutMs: 60_000 };

  test('heartbeat/1: pings come faster than they should', async () => {
    const eager: Wrongs = {
      connected: ({ socket }) => {
        for (let count = 0; count < 3; count++) socket.ping();
      },
    };
    const more = { heartbeat: { intervalMs: 100, timeoutMs: 100 }, limits: { namespace: 1, global: 8 } };
    expect(await against(eager, 'heartbeat/1', more)).toMatch(
      /^expected 100 ms between pings to client 1 of 1, got \S+ (?:µs|ms|s)$/,
    );
  });

  test('heartbeat/2: a client has less time than the timeout', async () => {
    const early: Wrongs = {
      connected: (client, server) => {
        const [first] = server.clients;
        if (first === client) return;
        first?.socket.ping();
        first?.socket.close(1001, 'Heartbeat timeout');
      },
    };
    expect(await against(early, 'heartbeat/2', { heartbeat: minute })).toMatch(
      /^expected the close 60 s after the ping, at most .*, got it \S+ (?:µs|ms|s) after the ping/,
    );
  });

  test('heartbeat/4: a client that answers is closed', async () => {
    const moody: Wrongs = {
      ping: ({ socket }, payload, server) => {
        const [first] = server.clients;
        if (first?.socket !== socket) {
          server.patienceMs = 1;
          first?.socket.close(1011);
        }
        socket.pong(payload);
      },
    };
    const more = { heartbeat: { intervalMs: 1, timeoutMs: 1 }, limits: { namespace: 1, global: 4 } };
    expect(await against(moody, 'heartbeat/4', more)).toMatch(
      /^expected all of them to be connected, got 1 closed, the first by a close frame with 1011/,
    );
  });
});

describe('a clause about limits', () => {
  const limits = { namespace: 2, global: undefined };

  test('limits/1 gives clients that have left a moment to free their slots', async () => {
    expect(await against(refusingFirst(3, 4503), 'limits/1', { limits })).toBe('passed');
  });

  test('limits/1 fails when clients within the limit are refused for something else', async () => {
    expect(await against(refusingFirst(1, 4400), 'limits/1', { limits })).toMatch(
      /^expected 2 clients to be admitted, got 0, then a close frame with 4400/,
    );
  });

  test('http/22 gives a client that has left a moment to be counted out', async () => {
    const late: Wrongs = { stats: (asked, server) => (asked === 1 ? 3 : server.of().length) };
    expect(await against(late, 'http/22')).toBe('passed');
  });
});

describe('a clause that cannot be tested is skipped, and says what to pass', () => {
  const shared = { ...{ areOwn: false, bad: 'bad', expired: undefined } };
  const unnamed = { ...shared, at: () => ({ token: 'a', namespace: undefined }) };
  const push = { name: 'push', choosesCursor: false, open: () => ({}) as never } as const;
  test.each<[string, string, Partial<TargetAccess>, string]>([
    ['auth/3', 'without an expired token', {}, '--expired-token TOKEN or --jwt-secret SECRET'],
    ['close/5', 'without a way to stop the server', {}, '--stop-command COMMAND'],
    ['close/6', 'without a way to stop the server', {}, '--stop-command COMMAND'],
    ['limits/6', 'without the timeout of the heartbeat', {}, '--heartbeat INTERVAL/TIMEOUT'],
    ['cursor/7', 'when cursors come by pushes', { trigger: push }, '--trigger api'],
    ['http/20', 'in a namespace of others', { tenants: unnamed }, '--token-template TEXT'],
    ['cursor/1', 'with a token alone', { tenants: unnamed }, '--namespace-a NS and --namespace-b NS'],
  ])('%s: %s', async (id, _, more, remedy) => {
    const skipped = await against({}, id, more);
    expect(skipped).toMatch(/^skipped: /);
    expect(skipped).toContain(`; ${remedy}`);
  });
});
