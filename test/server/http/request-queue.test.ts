import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { endWithProblem } from '../../../src/server/http/problem.js';
import { RequestQueue } from '../../../src/server/http/request-queue.js';

afterEach(() => {
  vi.useRealTimers();
});

class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  destroyed = false;

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.emit('close');
  }
}

interface FakeRequest {
  readonly socket: FakeSocket;
  complete: boolean;
  readonly headers: Readonly<Record<string, string>>;
  isResumed: boolean;
  resume(): void;
}

/** Requests on fake connections, which are answered when a test says so. */
function setUp(answerTimeoutMs = 1000) {
  const begun: FakeRequest[] = [];
  let unread = 0;
  const requests = new RequestQueue(
    answerTimeoutMs,
    {
      limited: (limit) => {
        expect(limit).toBe('unreadAnswers');
        unread += 1;
      },
    },
    (request) => request.headers.authorization !== undefined,
  );
  const listener = requests.listener((request) => begun.push(request as unknown as FakeRequest));
  const ask = (socket: FakeSocket, complete = true, headers: Record<string, string> = {}) => {
    const request: FakeRequest = {
      socket,
      complete,
      headers,
      isResumed: false,
      resume() {
        request.isResumed = true;
      },
    };
    const response = Object.assign(new EventEmitter(), { shouldKeepAlive: true });
    listener(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    return { request, response };
  };
  return { requests, begun, ask, unread: () => unread };
}

describe('the requests of one connection', () => {
  test('are worked on one at a time, each when the answer before it is out', () => {
    const { begun, ask } = setUp();
    const socket = new FakeSocket();
    const [first, second] = [ask(socket), ask(socket)];
    expect(begun).toEqual([first.request]);
    first.response.emit('close');
    expect(begun).toEqual([first.request, second.request]);
  });

  test('are at most 16 that are unanswered', () => {
    const { requests, ask } = setUp();
    const socket = new FakeSocket();
    const isFull = () => requests.isFull(socket as unknown as Socket);
    const exchanges = [];
    for (let count = 0; count < 16; count++) {
      expect(isFull()).toBe(false);
      exchanges.push(ask(socket));
    }
    expect(isFull()).toBe(true);
    exchanges[0]?.response.emit('close');
    expect(isFull()).toBe(false);
  });

  test('are worked on no more when it is gone, and count no more', () => {
    const { requests, begun, ask } = setUp();
    const socket = new FakeSocket();
    const [first] = [ask(socket), ask(socket), ask(socket)];
    socket.destroy();
    first.response.emit('close');
    expect([begun.length, requests.unanswered]).toEqual([1, 0]);
  });

  test('are worked on no more when its last answer ends it', () => {
    const { begun, ask } = setUp();
    const socket = new FakeSocket();
    const [first] = [ask(socket), ask(socket)];
    socket.writable = false;
    first.response.emit('close');
    expect(begun).toHaveLength(1);
  });
});

test.each<[Record<string, string>, boolean]>([
  [{ 'content-length': '60000' }, true],
  [{ 'transfer-encoding': 'chunked' }, true],
  [{ 'content-length': '60000', authorization: 'Bearer x' }, false],
  [{}, false],
])(
  'while a request with %j waits for its turn, that its body is thrown away is %s',
  (headers, isThrownAway) => {
    const { begun, ask } = setUp();
    const socket = new FakeSocket();
    ask(socket);
    const { request } = ask(socket, true, headers);
    expect(begun).toHaveLength(1);
    expect(request.isResumed).toBe(isThrownAway);
  },
);

test('a connection of which several answers are due in the same turn is ended, and counted, once', () => {
  vi.useFakeTimers();
  const { ask, unread } = setUp(1000);
  const socket = new FakeSocket();
  for (let count = 0; count < 3; count++) ask(socket);
  // Node.js tells of the end in a later turn.
  socket.removeAllListeners('close');
  vi.advanceTimersByTime(1000);
  expect([socket.destroyed, unread()]).toEqual([true, 1]);
});

describe('the requests of all connections', () => {
  test('are begun 32 in a tick, and a connection that sends many is no further ahead than the others', async () => {
    const { begun, ask } = setUp();
    const greedy = new FakeSocket();
    for (let count = 0; count < 16; count++) ask(greedy);
    const others = Array.from({ length: 40 }, () => ask(new FakeSocket()));
    expect(begun).toHaveLength(32);
    expect(begun.filter(({ socket }) => socket === greedy)).toHaveLength(1);
    await tick();
    expect(begun).toHaveLength(41);
    expect(begun.at(-1)).toBe(others.at(-1)?.request);
  });

  test('leave each connection one, when 4,096 are unanswered', () => {
    const { requests, ask } = setUp();
    for (let count = 0; count < 256; count++) {
      const socket = new FakeSocket();
      for (let more = 0; more < 16; more++) ask(socket);
    }
    expect(requests.unanswered).toBe(4096);
    const late = new FakeSocket();
    expect(requests.isFull(late as unknown as Socket)).toBe(false);
    ask(late);
    expect(requests.isFull(late as unknown as Socket)).toBe(true);
  });
});

describe('an answer', () => {
  test('ends its connection, unless a request on it was authorized, that one or an earlier one', () => {
    const { requests, ask } = setUp();
    const socket = new FakeSocket();
    const first = ask(socket);
    expect(first.response.shouldKeepAlive).toBe(false);
    requests.keepAlive(first.request as unknown as IncomingMessage);
    expect(first.response.shouldKeepAlive).toBe(true);
    first.response.emit('close');
    expect(ask(socket).response.shouldKeepAlive).toBe(true);
    expect(ask(new FakeSocket()).response.shouldKeepAlive).toBe(false);
  });

  test('that is not read in time ends its connection, however slowly it is read', async () => {
    vi.useFakeTimers();
    const { ask, unread } = setUp(1000);
    const [slow, fast] = [new FakeSocket(), new FakeSocket()];
    const answered = ask(fast);
    ask(slow);
    await vi.advanceTimersByTimeAsync(900);
    answered.response.emit('close');
    await vi.advanceTimersByTimeAsync(200);
    expect([slow.destroyed, fast.destroyed, unread()]).toEqual([true, false, 1]);
  });

  test('to a request whose body is still coming is not due before that has had its time', async () => {
    vi.useFakeTimers();
    const { ask } = setUp(1000);
    const socket = new FakeSocket();
    const { request } = ask(socket, false);
    await vi.advanceTimersByTimeAsync(1500);
    request.complete = true;
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(600);
    expect(socket.destroyed).toBe(true);
  });

  test('beyond 64 MiB that wait for their readers, ends the connection that has waited longest', () => {
    const { ask, unread } = setUp();
    const sockets = Array.from({ length: 5 }, () => new FakeSocket());
    for (const socket of sockets) {
      const { response } = ask(socket);
      socket.writableLength = 16 * 1024 * 1024;
      response.emit('prefinish');
    }
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false, false, false]);
    expect(unread()).toBe(1);
  });
});

describe('an error that is answered straight to a socket', () => {
  test('ends it when it has been read', async () => {
    const socket = new PassThrough();
    endWithProblem(socket, { status: 400, detail: 'Expected something else' });
    await tick();
    expect(socket.destroyed).toBe(true);
  });

  test('ends it after two seconds when nothing is read', async () => {
    vi.useFakeTimers();
    const socket = new Writable({ write() {} }) as unknown as PassThrough;
    endWithProblem(socket, { status: 400, detail: 'Expected something else' });
    await vi.advanceTimersByTimeAsync(1900);
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(socket.destroyed).toBe(true);
  });
});
