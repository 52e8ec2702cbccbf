import { expect, test } from 'vitest';
import { readStats } from '../../../src/bench/target/server-account.js';
import { ApiClient } from '../../../src/emit/api-client.js';
import { disposeLive, startServer } from '../../support/live-server.js';

const RIGHT = {
  connections: 3,
  accepted: 5,
  rejected: 1,
  conflated: 0,
  closed: { '1000': 1, '4503': 1 },
  process: {
    rssBytes: 1e8,
    cpuMs: 12.5,
    eventLoopDelayP99Ms: 1.5,
    eventLoopDelayMaxMs: 20,
    eventLoopDelayRecentMaxMs: 2,
  },
};

test('what our server says is read whole', async () => {
  expect(readStats({ ...RIGHT, somethingElse: 'x' })).toEqual(RIGHT);
  const { apiUrl } = await startServer();
  const client = new ApiClient({ url: apiUrl });
  const stats = readStats(await client.get('/v1/stats'));
  client.close();
  await disposeLive();
  expect(stats).toMatchObject({ connections: 0, accepted: 0, rejected: 0, closed: {} });
  expect(
    Object.values(stats?.process ?? {}).filter((value) => typeof value === 'number').length,
  ).toBeGreaterThan(2);
});

test.each([undefined, null, 'up', 7, true, [], {}])('%j says nothing', (answer) => {
  expect(Object.values(readStats(answer) ?? {}).filter((value) => value !== undefined)).toEqual([]);
});

const WRONG = ['12', '', null, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, {}, [], true];

test.each(['connections', 'accepted', 'rejected', 'conflated'] as const)(
  '`%s` that is no count is not said, and the rest is',
  (field) => {
    const { [field]: _, ...rest } = RIGHT;
    for (const value of WRONG) {
      const stats = readStats({ ...RIGHT, [field]: value });
      expect(stats?.[field]).toBeUndefined();
      expect(stats).toMatchObject(rest);
    }
  },
);

test.each(['rssBytes', 'cpuMs', 'eventLoopDelayMaxMs', 'eventLoopDelayRecentMaxMs'] as const)(
  '`process.%s` that is no amount is not said, and the rest is',
  (field) => {
    for (const value of ['12', null, -1, Number.NaN, Number.POSITIVE_INFINITY, {}]) {
      const stats = readStats({ ...RIGHT, process: { ...RIGHT.process, [field]: value } });
      expect(stats?.process?.[field]).toBeUndefined();
      expect(stats).toMatchObject({ connections: 3, process: { eventLoopDelayP99Ms: 1.5 } });
    }
  },
);

test.each([{ process: 'linux' }, { process: null }, { process: [] }])('%j is no process', (wrong) => {
  const stats = readStats({ ...RIGHT, ...wrong });
  expect(Object.values(stats?.process ?? {}).filter((value) => value !== undefined)).toEqual([]);
  expect(stats?.connections).toBe(3);
});

test.each([{ '1000': '1' }, { '1000': -1 }, { 'a\u001b[2Jb': 1 }, { '99999': 1 }, 'none', 5, null])(
  '%j are no closes by code',
  (closed) => {
    expect(readStats({ ...RIGHT, closed })?.closed).toBeUndefined();
  },
);
