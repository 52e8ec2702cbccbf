import { expect, test } from 'vitest';
import type { Backplane, BackplaneListener, PublishOutcome } from '../../src/backplane/backplane.js';
import { BroadcastReports } from '../../src/workers/broadcast-reports.js';

function made() {
  const answers: ((outcome: PublishOutcome) => void)[] = [];
  let listener: BackplaneListener | undefined;
  const backplane: Backplane = {
    start(started) {
      listener = started;
    },
    publish: () => new Promise((resolve) => answers.push(resolve)),
    reserve: async (_, granted) => ({ granted, checked: true }),
    view: () => ({ state: 'up', kept: 0, lagMs: 0, nodes: [] }),
    close: async () => {},
  };
  const reported: unknown[] = [];
  const reports = new BroadcastReports(backplane, (...args) => reported.push(args));
  const answer = async (outcome: Partial<PublishOutcome>) => {
    answers.shift()?.({ replicated: true, nodes: 2, ...outcome });
    await new Promise((resolve) => setImmediate(resolve));
  };
  reports.start({
    cursors: (items) =>
      items.map(({ namespace, cursor }) => {
        reports.delivered(namespace, cursor, 9);
        return 9;
      }),
    state: () => {},
    connections: () => 0,
  });
  return { reports, reported, answer, listener: () => listener as BackplaneListener };
}

test('a broadcast is reported once, with the clients of all workers', async () => {
  const { reports, reported, answer } = made();
  const items = [
    { namespace: 'x', cursor: '1' },
    { namespace: 'x', cursor: '1' },
    { namespace: 'y', cursor: '1' },
  ];
  void reports.publish(items);
  for (const { namespace, cursor } of items) reports.delivered(namespace, cursor, 1);
  expect(reported).toEqual([]);
  await answer({ delivered: [2, 3, 4] });
  expect(reported).toEqual([
    ['x', '1', 3],
    ['x', '1', 4],
    ['y', '1', 5],
  ]);
});

test('with cursors that had to be acknowledged first, what is delivered later is reported then', async () => {
  const { reports, reported, answer } = made();
  void reports.publish([{ namespace: 'x', cursor: '1' }], { monotonic: true });
  await answer({ delivered: [2] });
  expect(reported).toEqual([]);
  reports.delivered('x', '1', 5);
  expect(reported).toEqual([['x', '1', 7]]);
  void reports.publish([{ namespace: 'x', cursor: '0' }], { monotonic: true });
  await answer({ replicated: false, stale: { index: 0, newest: '1' } });
  void reports.publish([{ namespace: 'x', cursor: '0' }]);
  reports.delivered('x', '0', 1);
  await answer({ replicated: false });
  expect(reported.slice(1)).toEqual([['x', '0', 1]]);
});

test('what another worker has broadcast is left to that one', async () => {
  const { reports, reported, listener, answer } = made();
  expect(listener().cursors([{ namespace: 'x', cursor: '1', epoch: 0 }], false)).toEqual([9]);
  expect(reported).toEqual([]);
  // Nor does it get mixed up with the same cursor of this one.
  void reports.publish([{ namespace: 'x', cursor: '1' }]);
  reports.delivered('x', '1', 1);
  await answer({ delivered: [2] });
  expect(reported).toEqual([['x', '1', 3]]);
});
