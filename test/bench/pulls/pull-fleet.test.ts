import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { Tally } from '../../../src/bench/measure/tally.js';
import { PullFleet, type PullingClient } from '../../../src/bench/pulls/pull-fleet.js';
import { Puller } from '../../../src/bench/pulls/puller.js';
import { type BackendFaults, startFakeBackend } from '../../support/fake-pull-backend.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Has some clients pull from a backend while changes are pushed, and returns what was counted. */
async function herd(
  faults: BackendFaults,
  {
    clients: count = 20,
    changes: number = 3,
    settleMs = 100,
    thinkMs = 0,
    timeoutMs = 5000,
    openForMs = 1000,
  } = {},
) {
  const cohort = { tally: new Tally() };
  const clients: PullingClient[] = Array.from({ length: count }, (_, index) => ({
    index,
    namespace: 0,
    isOpen: true,
    openedAtMs: monotonicMs() - openForMs,
    cohort,
    puller: undefined,
    random: () => 0.5,
  }));
  const isIdle = async () => {
    while (clients.some(({ puller }) => puller?.isBusy))
      await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const backend = await startFakeBackend(
    (cursor) => {
      for (const { puller } of clients) puller?.onCursor(cursor);
    },
    { ...(thinkMs === 0 ? { beforePush: isIdle } : {}), ...faults },
  );
  closers.push(() => backend.close());
  const fleet = new PullFleet({
    clients,
    order: { cohort: 0, url: undefined, table: 'bench', jitterMs: 0, thinkMs, timeoutMs },
    pullUrl: backend.url,
    tls: undefined,
    tokenOf: () => 'token',
    now: monotonicMs,
  });
  await fleet.start();
  const [client] = clients;
  const order = { cohort: 0, id: 'run', record: {}, startMs: monotonicMs(), count: number, everyMs: 20 };
  const pushed = await fleet.push(order, client === undefined ? [] : [{ namespace: 0, client }]);
  if (thinkMs === 0) await isIdle();
  const report = await fleet.settle(pushed, monotonicMs() + settleMs);
  return { counters: cohort.tally.counters, tally: cohort.tally, report, pushed, backend };
}

test('of a backend that is right, every client gets every change, with one pull each', async () => {
  const { counters, tally, report, pushed } = await herd({});
  expect(pushed.map(({ cursor }) => cursor).sort()).toEqual([1, 2, 3]);
  expect(counters).toMatchObject({ changesOwed: 60, changesMissing: 0, pullersLeftBehind: 0, stalePulls: 0 });
  expect(tally.histograms.pullData.count).toBe(60);
  expect(tally.pullFailures.total).toBe(0);
  expect(counters.pulls).toBe(60);
  // The first pulls, from before the changes, are not counted.
  expect(Math.max(...report.inFlight.map(([, most]) => most))).toBe(20);
});

test('clients that opened just before the first push must get it, too', async () => {
  const { counters } = await herd({}, { openForMs: 1 });
  expect(counters).toMatchObject({ changesOwed: 60, pullersLeftBehind: 0 });
});

test('of a slow backend, each answer takes its time, and so does the data', async () => {
  const { counters, tally, report } = await herd({ delayMs: 100 });
  expect(counters.pullersLeftBehind).toBe(0);
  expect(tally.histograms.pullTime.minMs).toBeGreaterThanOrEqual(95);
  expect(tally.histograms.pullData.minMs).toBeGreaterThanOrEqual(95);
  expect(report.longestBehindMs).toBeGreaterThanOrEqual(95);
});

test('a backend whose pulls lag behind its cursors is late: its answers are stale, and clients are left behind', async () => {
  const { counters, tally } = await herd({ isLate: true });
  expect(counters).toMatchObject({ stalePulls: 60, pullersLeftBehind: 20, changesMissing: 0 });
  expect(tally.pullFailures.total).toBe(0);
  // Each change but the last came with the cursor after it.
  expect(tally.histograms.pullData.count).toBe(40);
});

describe('a wrong answer is named, and the client keeps what it has', () => {
  const result = (cursors: object, more = {}) => ({
    ok: true,
    result: { ok: true, records: {}, deleted: {}, cursors, hasMore: false, ...more },
  });
  test.each<[string, NonNullable<BackendFaults['answer']>]>([
    ['HTTP 503', () => ({ status: 503, body: { error: 'busy' } })],
    ['not JSON', () => ({ body: '<html>' })],
    ['refused: CONFLICT', () => ({ body: { ok: true, result: { ok: false, error: { code: 'CONFLICT' } } } })],
    ['without records', () => ({ body: result({ bench: '9' }, { records: undefined }) })],
    ['without a cursor that was asked for', () => ({ body: result({ other: '9' }) })],
    ['a cursor that is not a string of digits', () => ({ body: result({ bench: 9 }) })],
  ])('%s', async (why, answer) => {
    const { counters, tally } = await herd({ answer });
    expect(tally.pullFailures.entries()).toEqual([[why, 60]]);
    expect(counters.pullersLeftBehind).toBe(20);
  });

  test('a cursor that falls', async () => {
    const answer: NonNullable<BackendFaults['answer']> = ({ bench = '0' }) => ({
      body: result({ bench: bench === '0' ? '1' : '0' }),
    });
    const { tally } = await herd({ answer });
    expect(tally.pullFailures.of('a cursor lower than the one that was asked for')).toBe(40);
  });

  test('no answer in time', async () => {
    const { tally, counters } = await herd({ delayMs: 2000 }, { changes: 1, timeoutMs: 300 });
    expect(tally.pullFailures.entries()).toEqual([['timeout', 20]]);
    expect(counters.pullersLeftBehind).toBe(20);
  });

  test('a change that the cursor includes and the records do not is missing', async () => {
    const answer: NonNullable<BackendFaults['answer']> = (_, newest) => ({
      body: result({ bench: String(newest) }),
    });
    const { counters } = await herd({ answer });
    expect(counters).toMatchObject({ changesMissing: 60, pullersLeftBehind: 20, stalePulls: 0 });
  });
});

/** A client on its own, whose answers a test gives; it keeps the cursors that it asked with. */
function lonePuller(
  answer: (count: number) => { hasMore: boolean },
  onAsk: (puller: Puller) => void = () => {},
) {
  const asked: (string | undefined)[] = [];
  const puller = new Puller(
    { table: 'bench', jitterMs: 0, thinkMs: 0 },
    {
      now: () => 0,
      random: () => 0,
      pause: async () => {},
      heard: () => {},
      stale: () => {},
      began: () => () => {},
      async ask({ bench }) {
        asked.push(bench);
        onAsk(puller);
        return { ok: true, ids: [], cursors: { bench: String(asked.length) }, ...answer(asked.length) };
      },
    },
  );
  return { puller, asked };
}

test('a client whose connection opens again while it pulls does so once more when it is done, and not more often', async () => {
  const { puller, asked } = lonePuller(
    () => ({ hasMore: false }),
    (one) => {
      if (asked.length > 1) return;
      void one.onOpen();
      void one.onOpen();
    },
  );
  await puller.onOpen();
  expect(asked).toEqual(['0', '1']);
});

test('a client asks on while there is more, but not for ever', async () => {
  const few = lonePuller((count) => ({ hasMore: count < 3 }));
  await few.puller.onOpen();
  expect(few.asked).toEqual(['0', '1', '2']);
  const endless = lonePuller(() => ({ hasMore: true }));
  await endless.puller.onOpen();
  expect(endless.asked).toHaveLength(50);
  expect(endless.puller.isBusy).toBe(false);
});

test('a cursor that comes while a client pulls, or works on an answer, is dropped', async () => {
  const { counters } = await herd({}, { changes: 2, thinkMs: 1500 });
  expect(counters).toMatchObject({ pulls: 20, pullWakeUps: 40, pullWakeUpsDropped: 20 });
});

/** Has one client push one change to a backend. */
async function pushTo(pullUrl: URL) {
  const cohort = { tally: new Tally() };
  const client: PullingClient = {
    index: 0,
    namespace: 0,
    isOpen: true,
    openedAtMs: 0,
    cohort,
    puller: undefined,
    random: () => 0,
  };
  const fleet = new PullFleet({
    clients: [client],
    order: { cohort: 0, url: undefined, table: 'bench', jitterMs: 0, thinkMs: 0, timeoutMs: 400 },
    pullUrl,
    tls: undefined,
    tokenOf: () => 'token',
    now: monotonicMs,
  });
  await fleet.start();
  const order = { cohort: 0, id: 'run', record: {}, startMs: 0, count: 1, everyMs: 1 };
  const pushed = await fleet.push(order, [{ namespace: 0, client }]);
  await fleet.settle(pushed, 0);
  return { pushed, owed: cohort.tally.counters.changesOwed };
}

test('a push that does not arrive is a change that nobody owes', async () => {
  const { pushed, owed } = await pushTo(new URL('http://127.0.0.1:1/datafn/pull'));
  expect(pushed).toMatchObject([{ error: 'ECONNREFUSED', cursor: undefined }]);
  expect(owed).toBe(0);
});

test.each<[string, number, string, string]>([
  [
    'with an error',
    200,
    '{"ok":false,"error":{"code":"DENIED","message":"read only"}}',
    'HTTP 200 DENIED read only',
  ],
  [
    'with an error of the change',
    200,
    '{"ok":true,"result":{"applied":[],"errors":[{"code":"CONFLICT","message":"too old"}]}}',
    'HTTP 200 CONFLICT too old',
  ],
  ['with a status', 503, '{}', 'HTTP 503'],
  ['with a page', 502, '<html>', 'HTTP 502, not JSON'],
])(
  'a push that is refused %s is a change that nobody owes, with what the backend said',
  async (_, status, body, error) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end(body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    const { port } = server.address() as AddressInfo;
    const { pushed, owed } = await pushTo(new URL(`http://127.0.0.1:${port}/datafn/pull`));
    expect(pushed).toMatchObject([{ error, cursor: undefined }]);
    expect(owed).toBe(0);
  },
);
