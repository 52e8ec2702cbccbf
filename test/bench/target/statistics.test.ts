import { describe, expect, test } from 'vitest';
import { Statistics } from '../../../src/bench/target/statistics.js';
import { DatafnWsError } from '../../../src/protocol/errors.js';

/** An API that gives these answers, one after the other, the last of them for ever. */
function api(...answers: readonly unknown[]) {
  let next = 0;
  return {
    async get() {
      const answer = answers[Math.min(next, answers.length - 1)];
      next += 1;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    close() {},
  };
}

const refused = () => new DatafnWsError('ERR_REFUSED', 'http://h refused: 404 Not Found');
const stats = (accepted: number, connections = 0, more: object = {}) => ({
  accepted,
  connections,
  closed: { 1000: accepted },
  ...more,
});
const open = (...clients: ReturnType<typeof api>[]) => new Statistics(clients, () => 0, true);

describe('statistics of the servers under test', () => {
  test('of several servers are added up', async () => {
    const all = open(api(stats(100), stats(103, 2)), api(stats(7), stats(9, 1)));
    await all.begin();
    expect(await all.measure()).toMatchObject({ accepted: 5, connections: 3, closed: { 1000: 5 } });
  });

  test('are not there when one of several servers has none: a sum without it would be wrong', async () => {
    const all = open(api(stats(100), stats(103)), api(refused()));
    await all.begin();
    expect(await all.measure()).toEqual({});
    expect(all.whyNot('accepted')).toMatch(/GET \/v1\/stats.*404/);
  });

  test('keep what a server said last while it does not answer, unless none does', async () => {
    const all = open(api(stats(0), stats(3), refused()), api(stats(0), stats(4), stats(6), refused()));
    await all.begin();
    await all.measure();
    expect(await all.measure()).toMatchObject({ accepted: 9 });
    expect(await all.measure()).toEqual({});
    expect(all.whyNot('accepted')).toBeUndefined();
  });

  test('say what they do not tell', async () => {
    const all = open(api(stats(1)));
    await all.begin();
    expect(all.whyNot('closed')).toBeUndefined();
    expect(all.whyNot('rssBytes')).toMatch(/does not report/);
  });

  test('of several processes behind one URL are none, and say what to do', async () => {
    const process = { rssBytes: 1, cpuMs: 1, eventLoopDelayP99Ms: 0, eventLoopDelayMaxMs: 0 };
    const by = (pid: number) => stats(9, 0, { uptimeMs: 60_000, process: { ...process, pid } });
    const all = open(api(by(1), by(2)));
    await all.begin();
    expect(await all.measure()).toEqual({});
    expect(all.whyNot('accepted')).toMatch(/--admin-url/);
  });

  test('of a server that runs already begin when the clients that left are gone', async () => {
    const all = new Statistics(
      [api(stats(5, 2), stats(5, 1), stats(5, 0), stats(5, 0), stats(9, 4))],
      () => 0,
      false,
    );
    await all.begin();
    expect(await all.measure()).toMatchObject({ accepted: 4, connections: 4 });
  });
});

describe('the highest cursor', () => {
  test.each<[string, readonly unknown[], number | undefined]>([
    ['is that of the server that has the highest', [{ highestCursor: '42' }, { highestCursor: '7' }], 42],
    ['is 0 before the first', [{ highestCursor: null }], 0],
    ['is not known where one server does not tell', [{ highestCursor: '42' }, {}], undefined],
    ['is not known where a server has no statistics', [refused()], undefined],
    [
      'is not known where it is beyond what numbers can tell apart',
      [{ highestCursor: '99999999999999999999' }],
      undefined,
    ],
  ])('%s', async (_, answers, highest) => {
    expect(await open(...answers.map((answer) => api(answer))).highestCursor()).toBe(highest);
  });

  test('is not known where no API is', async () => {
    expect(await open().highestCursor()).toBeUndefined();
  });
});

describe('the clock of the first server', () => {
  /** A clock of this machine that moves on by 2 ms each time it is read. */
  const ticking = () => {
    let ms = 0;
    return () => {
      ms += 2;
      return ms;
    };
  };

  test('is read as often as asked, each time with when the request went out and when its answer came', async () => {
    const clock = api({ timeMs: 1000 }, { timeMs: 1003 }, { timeMs: 1005 });
    const other = api({ timeMs: 9999 });
    expect(await new Statistics([clock, other], ticking(), false).readClock(3)).toEqual([
      { sentMs: 2, theirMs: 1000, receivedMs: 4 },
      { sentMs: 6, theirMs: 1003, receivedMs: 8 },
      { sentMs: 10, theirMs: 1005, receivedMs: 12 },
    ]);
  });

  test.each<[string, readonly unknown[], number]>([
    ['nothing where it does not tell its time', [{ accepted: 3 }], 0],
    ['nothing where it has no statistics', [refused()], 0],
    ['nothing where its answer is not an object', [[1, 2]], 0],
    ['what came until it was gone', [{ timeMs: 1000 }, refused()], 1],
  ])('is %s', async (_, answers, count) => {
    expect(await open(api(...answers)).readClock(3)).toHaveLength(count);
  });

  test('is not there without an API, and errors that are bugs are not hidden', async () => {
    expect(await open().readClock(3)).toEqual([]);
    const broken = open(api(new TypeError('ouch')));
    await expect(broken.readClock(3)).rejects.toThrow('ouch');
    await expect(broken.highestCursor()).rejects.toThrow('ouch');
  });
});

test('without an API nothing is measured, and why not is said', async () => {
  const none = open();
  await none.begin();
  expect(await none.measure()).toEqual({});
  expect(none.whyNot('accepted')).toBe('no HTTP API of the server is known');
});
