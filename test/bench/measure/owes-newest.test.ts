import { expect, test } from 'vitest';
import { DeliveryLedger, type Receiver } from '../../../src/bench/measure/delivery-ledger.js';
import { Tally } from '../../../src/bench/measure/tally.js';
import { planOf } from './plans.js';

function setUp(owes: 'every' | 'newest') {
  const tally = new Tally();
  const receiver: Receiver = {
    index: 0,
    namespace: 0,
    cohort: { tally, behavior: { reads: 'all' } },
    openedAtMs: -1000,
    isMember: true,
    isReading: true,
    reception: undefined,
    otherReceptions: undefined,
    heard: 0,
  };
  const ledger = new DeliveryLedger(['n'], 0);
  ledger.expect(planOf({ owes }));
  return {
    tally,
    receiver,
    ledger,
    receive: (...cursors: number[]) => {
      for (const cursor of cursors) ledger.receive(receiver, cursor, 4, 2000);
    },
    finish: (emitted: number) => ledger.settle(ledger.finish(1, emitted, []), [receiver]),
  };
}

test('where only the newest is owed, what a client misses is conflated, not lost, and not timed', () => {
  const { tally, receive, finish } = setUp('newest');
  receive(1000, 1004, 1009);
  finish(10);
  expect(tally.counters).toMatchObject({ received: 3, expected: 0, lost: 0, conflated: 7, duplicated: 0 });
  expect(tally.histograms.fanout.count).toBe(0);
});

test('the same is lost where every cursor is owed', () => {
  const { tally, receive, finish } = setUp('every');
  receive(1000, 1004, 1009);
  finish(10);
  expect(tally.counters).toMatchObject({ expected: 10, lost: 7, conflated: 0 });
  expect(tally.histograms.fanout.count).toBe(3);
});

test('a cursor that comes again, or after a newer one, is wrong all the same', () => {
  const { tally, receive } = setUp('newest');
  receive(1003, 1003, 1001);
  expect(tally.counters).toMatchObject({ duplicated: 1, reordered: 1 });
});

test('a connection that ends owes nothing', () => {
  const { tally, receive, finish, ledger, receiver } = setUp('newest');
  receive(1000);
  ledger.ended(receiver, 5000);
  ledger.settleEnded(ledger.finish(1, 10, []));
  finish(10);
  expect(tally.counters).toMatchObject({ expected: 0, lost: 0 });
});

test('a client knows the newest cursor that it has heard, of whatever order', () => {
  const { receive, receiver } = setUp('newest');
  receive(1003, 1001);
  expect(receiver.heard).toBe(1003);
});

test('a cursor that was due before a client came back is not timed: it is sent what it missed', () => {
  const { tally, receive, receiver } = setUp('every');
  Object.assign(receiver, { openedAtMs: 500 });
  receive(1049);
  expect(tally.histograms.fanout.count).toBe(0);
  receive(1051);
  expect(tally.histograms.fanout.count).toBe(1);
});
