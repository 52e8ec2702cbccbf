import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { explainEnd, ListenPrinter, type TokenOrigin } from '../../src/cli/listen-printer.js';
import type { ConnectionEnd } from '../../src/listen/connection.js';

/** An output that takes one line at a time, when it is read. */
class SlowOutput extends Writable {
  readonly columns = 80;
  readonly isTTY = false;
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(_chunk: unknown, _encoding: string, taken: () => void): void {
    this.#taken = taken;
  }

  read(): Promise<unknown> {
    const drained = new Promise((resolve) => this.once('drain', resolve));
    this.#taken?.();
    return drained;
  }
}

test('an output that is read slowly holds the server off each time, and collects no listeners', async () => {
  const output = new SlowOutput();
  const calls: string[] = [];
  const printer = new ListenPrinter(
    { stdout: output, stderr: output, env: {} } as unknown as Io,
    { json: true, pings: false },
    {
      url: 'ws://127.0.0.1:1/',
      clientId: 'c',
      explain: () => '',
      hold: () => calls.push('hold'),
      release: () => calls.push('release'),
    },
  );
  const listeners = () => ['drain', 'error'].map((event) => output.listenerCount(event));
  const before = listeners();
  for (let cursor = 1; cursor <= 20; cursor++) {
    printer.cursor(String(cursor), true);
    await output.read();
  }
  expect(calls).toEqual(Array(20).fill(['hold', 'release']).flat());
  expect(listeners()).toEqual(before);
});

/** A printer, and what it has printed to stdout and to stderr, without the time of day. */
function printed(options: { json: boolean; pings: boolean }) {
  const output = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new Writable({
        write(chunk, _, taken) {
          output[name] += String(chunk).replace(/^\d\d:\d\d:\d\d\.\d{3} /, '');
          taken();
        },
      }),
      { columns: 80, isTTY: false },
    );
  const printer = new ListenPrinter(
    { stdout: into('stdout'), stderr: into('stderr'), env: { NO_COLOR: '1' } } as unknown as Io,
    options,
    { url: 'ws://127.0.0.1:1/', clientId: 'c', explain: () => '', hold() {}, release() {} },
  );
  return { printer, output };
}

describe('what a DataFn client ignores', () => {
  test('is told once for each kind, and again after the next connection', () => {
    const { printer, output } = printed({ json: false, pings: false });
    for (const kind of ['binary', 'text', 'binary']) printer.ignored(kind);
    expect(output.stderr).toBe(
      '! ignored binary, as DataFn clients do\n! ignored text, as DataFn clients do\n',
    );
    output.stderr = '';
    printer.connected(new Date());
    printer.ignored('binary');
    expect(output.stderr).toContain('! ignored binary');
    expect(output.stdout).toBe('');
  });

  test('is told for at most 20 kinds: a server can make up as many as it likes', () => {
    const { printer, output } = printed({ json: false, pings: false });
    for (let kind = 1; kind <= 30; kind++) printer.ignored(`kind ${kind}`);
    expect(output.stderr.trimEnd().split('\n')).toHaveLength(20);
  });

  test('is an event each time with --json', () => {
    const { printer, output } = printed({ json: true, pings: false });
    for (let count = 0; count < 2; count++) printer.ignored('binary');
    const events = output.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toEqual(Array(2).fill({ event: 'ignored', time: expect.any(String), kind: 'binary' }));
  });
});

test.each([
  [true, '· ping, answered\n'],
  [false, ''],
])('pings are shown: %s', (pings, text) => {
  const { printer, output } = printed({ json: false, pings });
  printer.ping();
  expect(output.stderr).toBe(text);
});

test('with --json, the end of a connection is an event that says how it ended, and when the next try is', () => {
  const { printer, output } = printed({ json: true, pings: false });
  const closed = { kind: 'closed', code: 1001, reason: 'Going Away', error: undefined } as const;
  const answered = {
    kind: 'answered',
    status: 503,
    statusText: '',
    location: undefined,
    detail: undefined,
  } as const;
  printer.ended({ ...closed, wasConnected: true }, 1200.4);
  printer.ended({ ...closed, wasConnected: false }, 0);
  printer.ended(answered, undefined);
  printer.ended({ kind: 'breach', what: 'no key' }, undefined);
  const events = output.stdout.trimEnd().split('\n');
  expect(events.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'closed', code: 1001, reason: 'Going Away', retryInMs: 1200 },
    { event: 'refused', code: 1001, retryInMs: 0 },
    { event: 'failed', status: 503, retryInMs: null },
    { event: 'failed', retryInMs: null },
  ]);
  expect(events[3]).not.toContain('status');
});

describe('the end of a connection is explained', () => {
  const answered = (status: number, location?: string): ConnectionEnd =>
    ({ kind: 'answered', status, statusText: '', detail: undefined, location }) as ConnectionEnd;
  const denied: ConnectionEnd = {
    kind: 'closed',
    code: 4401,
    reason: 'Unauthorized',
    wasConnected: false,
    error: undefined,
  } as ConnectionEnd;

  test.each<[string, ConnectionEnd, TokenOrigin, string]>([
    ['a redirect', answered(302, 'wss://other/ws'), 'none', 'wss://other/ws'],
    [
      'too many connections',
      answered(429),
      'none',
      'The server accepts no more connections from this address.',
    ],
    [
      'a server that is not ready',
      answered(503),
      'none',
      'The server, or a proxy in front of it, is not ready.',
    ],
    ['a path that is not there', answered(404), 'none', 'Check the path of --url'],
    ['no token', answered(401), 'none', 'Pass a token with --token'],
    ['a namespace as a token', denied, 'namespace', 'pass a token of this server with --token'],
    ['a wrong token', denied, 'token', 'pass it where the server reads it with --token-via'],
    ['a wrong token in the URL', denied, 'url', 'Check the token in --url'],
  ])('by what to do about %s', (_, end, token, advice) => {
    expect(explainEnd(end, 'ws://127.0.0.1:1/x', token)).toContain(advice);
  });

  test('without advice where there is none to give', () => {
    expect(explainEnd(answered(418), 'ws://127.0.0.1:1/x', 'none')).toBe('refused with HTTP 418');
  });

  test('by the rule that an answer breaks', () => {
    const end = { kind: 'breach', what: 'no Sec-WebSocket-Accept' } as ConnectionEnd;
    expect(explainEnd(end, 'ws://127.0.0.1:1/x', 'none')).toBe(
      'the answer to the upgrade violates RFC 6455: no Sec-WebSocket-Accept. Is it a WebSocket server?',
    );
  });
});
