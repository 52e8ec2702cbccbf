import { afterAll, describe, expect, test } from 'vitest';
import { driveWithAutocannon, racingPlan } from '../../../src/bench/emitter/autocannon.js';
import { type EmitTarget, type Emitted, emitPlan, orderedPlan } from '../../../src/bench/emitter/emitter.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { type EmitMeasurement, emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import type { EmitPhase } from '../../../src/bench/phases/emit.js';
import type { TlsTrust } from '../../../src/emit/api-client.js';
import { within } from '../../support/deadline.js';
import { selfSignedCertificate } from '../../support/self-signed.js';
import {
  type Answer,
  startFakeApi,
  startFakeTlsApi,
  startRaw,
  stopFakes,
  taken,
  unusedPort,
} from './fake-api.js';

// Every property of an emit through the HTTP API, of each way in which bench can emit.

const NAMESPACES = ['a', 'b'];
const TOKEN = 'admin-sesame';
const FIRST_CURSOR = 1000;

const OURS = selfSignedCertificate('localhost');
const IMPOSTOR = selfSignedCertificate('localhost');
const ANOTHER_NAME = selfSignedCertificate('elsewhere.example');

interface Options {
  readonly batch?: number;
  readonly tls?: TlsTrust;
  readonly timeoutMs?: number;
  /** Where more than one request has to go out on a busy machine. */
  readonly durationMs?: number;
}

/** What came of the emits, as the run and the metrics have it. */
type Outcome = Omit<EmitMeasurement, 'failed'> & Emitted;

const LONGER: Options = { durationMs: 2000 };

afterAll(stopFakes);

// At once: most of their time is that of the phase.
describe.concurrent.each(['api', 'autocannon'] as const)('an emit via: %s', (via) => {
  /** Emits some cursors, on targets by URL. */
  async function emitTo(urls: readonly string[], options: Options = {}): Promise<Outcome> {
    const { batch = 1, tls, timeoutMs, durationMs = 200 } = options;
    const phase: EmitPhase = {
      kind: 'emit',
      via,
      namespaces: [0, 1],
      ratePerSecond: 40 * batch,
      durationMs,
      batch,
      cursorLength: 0,
      connections: 2,
      settleMs: 0,
      mayFail: false,
      to: 'all',
      owes: 'every',
    };
    const target: EmitTarget = {
      kind: 'api',
      urls,
      adminToken: TOKEN,
      tls,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
    const measured = emptyMeasurements([]);
    const { signal } = new AbortController();
    const plan =
      via === 'api'
        ? orderedPlan(phase, 1, FIRST_CURSOR, monotonicMs(), 1)
        : racingPlan(phase, 1, FIRST_CURSOR, monotonicMs());
    const work =
      via === 'api'
        ? emitPlan(plan, NAMESPACES, target, 'all', measured.emit, signal, () => {})
        : driveWithAutocannon(phase, plan, NAMESPACES, target, measured, signal);
    const emitted = await within(work, 'the end of the emits', 20_000);
    // Whatever happens, each cursor that was begun with has an outcome.
    // On a busy machine it was over before autocannon had connected.
    if (emitted.emitted === 0) return emitTo(urls, { ...options, durationMs: 2 * durationMs });
    expect(measured.emit.broadcasts + emitted.failed.length).toBe(emitted.emitted);
    expect(measured.emit.failed).toBe(emitted.failed.length);
    return { ...measured.emit, ...emitted };
  }

  const http = (port: number) => `http://127.0.0.1:${port}`;
  const https = (port: number) => `https://localhost:${port}`;

  async function emitWith(answer: Answer, options: Options = {}) {
    const api = await startFakeApi(answer);
    return { server: api, ...(await emitTo([http(api.port)], options)) };
  }

  /** The same, where nothing may have been taken. */
  async function refusedWith(answer: Answer, options: Options = {}) {
    const outcome = await emitWith(answer, options);
    expect(outcome.broadcasts).toBe(0);
    expect(outcome.delivered).toBe(0);
    return outcome.error;
  }

  const sorted = (cursors: readonly { readonly cursor: string }[]) =>
    cursors.map(({ cursor }) => Number(cursor)).sort((one, other) => one - other);
  const cursorsUpTo = (count: number) => Array.from({ length: count }, (_, index) => FIRST_CURSOR + index);

  test('reaches every target, and adds up whom they delivered it to', async () => {
    const one = await startFakeApi(taken(2));
    const two = await startFakeApi(taken(3));
    const { emitted, delivered, failed } = await emitTo([http(one.port), http(two.port)]);
    expect(failed).toEqual([]);
    for (const { emissions } of [one, two]) expect(sorted(emissions)).toEqual(cursorsUpTo(emitted));
    expect(delivered).toBe(5 * emitted);
  });

  test('is not taken when one of the targets does not take it', async () => {
    const one = await startFakeApi(taken(2));
    const two = await startFakeApi((response) => response.writeHead(503).end());
    const { broadcasts, error } = await emitTo([http(one.port), http(two.port)]);
    expect(broadcasts).toBe(0);
    expect(error?.message).toContain(`${http(two.port)} refused: 503`);
  });

  test('goes to the namespaces in turns, each cursor once, with the admin token, on connections that are kept', async () => {
    const { server, emitted } = await emitWith(taken(1));
    expect(sorted(server.emissions)).toEqual(cursorsUpTo(emitted));
    for (const { namespace, cursor } of server.emissions)
      expect(namespace).toBe(NAMESPACES[(Number(cursor) - FIRST_CURSOR) % 2]);
    expect(new Set(server.tokens)).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('of a batch is one request for one namespace', async () => {
    const sizes = new Set<string>();
    const { emitted, delivered } = await emitWith(
      (response, emissions, count, request) => {
        sizes.add(`${emissions.length} for ${new Set(emissions.map(({ namespace }) => namespace)).size}`);
        taken(7)(response, emissions, count, request);
      },
      { batch: 5 },
    );
    expect([...sizes]).toEqual(['5 for 1']);
    expect(delivered).toBe(7 * emitted);
  });

  test('that the server does not take is known by its cursor, and the others count', async () => {
    const refused = new Set<number>();
    const { failed, broadcasts, error } = await emitWith((response, emissions, count, request) => {
      if (count % 2 === 0) return taken(1)(response, emissions, count, request);
      refused.add(Number(emissions[0]?.cursor) - FIRST_CURSOR);
      response.writeHead(500).end();
    }, LONGER);
    expect(broadcasts).toBeGreaterThan(0);
    expect(new Set(failed)).toEqual(refused);
    expect(error).toMatchObject({ code: 'ERR_REFUSED', message: expect.stringMatching(/refused: 500/) });
  });

  describe('over TLS', () => {
    const trust: TlsTrust = { ca: OURS.cert, rejectUnauthorized: true };

    test('is taken where the certificate is trusted', async () => {
      const api = await startFakeTlsApi(OURS, taken(1));
      const { emitted, failed } = await emitTo([https(api.port)], { tls: trust });
      expect(failed).toEqual([]);
      expect(sorted(api.emissions)).toEqual(cursorsUpTo(emitted));
    });

    test.each([
      ['that nothing trusts', IMPOSTOR, undefined],
      ['that is not the one of --ca', IMPOSTOR, trust],
      ['of another name', ANOTHER_NAME, { ca: ANOTHER_NAME.cert, rejectUnauthorized: true }],
    ])('sends no byte to a peer with a certificate %s', async (_, certificate, tls) => {
      const api = await startFakeTlsApi(certificate, taken(1));
      const { broadcasts, error } = await emitTo([https(api.port)], tls === undefined ? {} : { tls });
      expect(broadcasts).toBe(0);
      expect(error).toMatchObject({ code: 'ERR_UNREACHABLE', message: expect.stringContaining('--ca FILE') });
      expect(api.attempts()).toBeGreaterThan(0);
      expect(api.heard()).toBe('');
    });

    test('sends no byte to an impostor that takes over while it runs', async () => {
      let answered = 0;
      const api = await startFakeTlsApi(OURS, (response, emissions, count, request) => {
        taken(1)(response, emissions, count, request);
        answered += 1;
        if (count === 1) response.on('finish', () => api.swap(IMPOSTOR));
      });
      const { failed, error } = await emitTo([https(api.port)], { tls: trust, ...LONGER });
      expect(failed.length).toBeGreaterThan(0);
      expect(error).toMatchObject({ code: 'ERR_UNREACHABLE' });
      expect(api.attempts()).toBeGreaterThan(0);
      expect(api.heard()).not.toContain(TOKEN);
      expect(api.heard()).toBe('');
      // Two requests may have been under way, one a connection.
      expect(answered).toBeLessThanOrEqual(2);
    });

    test('trusts any certificate only when it is told to', async () => {
      const api = await startFakeTlsApi(IMPOSTOR, taken(1));
      const { failed } = await emitTo([https(api.port)], {
        tls: { ca: undefined, rejectUnauthorized: false },
      });
      expect(failed).toEqual([]);
      expect(new Set(api.tokens)).toEqual(new Set([`Bearer ${TOKEN}`]));
    });
  });

  test.each([
    ['a web page', '<html>hello</html>'],
    ['nothing', ''],
    ['null', 'null'],
    ['other JSON', '{"ok":true}'],
    ['results that are none', '{"results":[null]}'],
    ['too few results', '{"results":[]}'],
    ['too many results', '{"results":[{"delivered":1},{"delivered":1}]}'],
    ['a count that is text', '{"results":[{"namespace":"a","cursor":"1","delivered":"1"}]}'],
    ['a negative count', '{"results":[{"namespace":"a","cursor":"1","delivered":-1}]}'],
    ['a count beyond numbers', '{"results":[{"namespace":"a","cursor":"1","delivered":1e400}]}'],
  ])('is not taken by who answers 200 with %s', async (_, body) => {
    expect(await refusedWith((response) => response.end(body))).toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringContaining('is it a datafn-ws server?'),
    });
  });

  test.each([301, 302, 303, 307, 308])('does not follow a %i, with the token or without', async (status) => {
    const elsewhere = await startFakeApi(taken(1));
    const error = await refusedWith((response) =>
      response.writeHead(status, { location: `${http(elsewhere.port)}/v1/cursors` }).end(),
    );
    expect(error).toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringMatching(new RegExp(`refused: ${status}`)),
    });
    expect(elsewhere.connections).toBe(0);
  });

  test.each([400, 401, 404, 413, 429, 500, 502, 503])(
    'is not taken by who answers %i, which is said in the words of the server',
    async (status) => {
      const error = await refusedWith((response) =>
        response.writeHead(status, { 'content-type': 'application/problem+json' }).end('{"detail":"No way"}'),
      );
      expect(error).toMatchObject({
        code: 'ERR_REFUSED',
        message: expect.stringMatching(new RegExp(`refused: ${status} No way`)),
      });
    },
  );

  test('is not taken where nobody listens', async () => {
    const { broadcasts, error } = await emitTo([http(await unusedPort())]);
    expect(broadcasts).toBe(0);
    expect(error).toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('is not taken by a connection that ends in the middle of an answer, and the next one is tried', async () => {
    const { failed, broadcasts, error } = await emitWith((response, emissions, count, request) => {
      if (count > 1) return taken(1)(response, emissions, count, request);
      response.writeHead(200, { 'content-length': 1000 }).write('{"results":');
      response.socket?.end();
    }, LONGER);
    expect([failed.length, error?.code]).toEqual([1, 'ERR_UNREACHABLE']);
    expect(broadcasts).toBeGreaterThan(0);
  });

  describe('has failed at its deadline', () => {
    const late = {
      code: 'ERR_UNREACHABLE',
      message: expect.stringContaining('no complete answer within 200 ms'),
    };
    const forever = (send: () => void, signal: { on(event: 'close', listener: () => void): unknown }) => {
      const timer = setInterval(send, 20);
      signal.on('close', () => clearInterval(timer));
    };

    test.each<[string, Answer]>([
      ['nothing', () => {}],
      [
        'a byte of its body now and then',
        (response) => {
          response.writeHead(200);
          forever(() => response.write(' '), response);
        },
      ],
      ['102 without end', (response) => forever(() => response.writeProcessing(), response)],
    ])('on a server that answers %s', async (_, answer) => {
      expect(await refusedWith(answer, { timeoutMs: 200 })).toMatchObject(late);
    });

    test('on a server that sends a byte of its head now and then', async () => {
      const port = await startRaw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        forever(() => socket.write('x'), socket);
      });
      const { broadcasts, error } = await emitTo([http(port)], { timeoutMs: 200 });
      expect(broadcasts).toBe(0);
      expect(error).toMatchObject(late);
    });
  });

  test('reads no answer without end', async () => {
    const error = await refusedWith((response) => {
      const block = Buffer.alloc(1024 * 1024);
      const fill = () => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', fill);
      fill();
    });
    expect(error).toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringContaining('an answer of more than 16 MiB'),
    });
  });
});
