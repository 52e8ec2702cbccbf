import { afterEach, expect, test, vi } from 'vitest';
import { EventStream } from '../../../src/server/events/events.js';
import { EventFeed, RING_SIZE } from '../../../src/server/feed/event-feed.js';
import { type FeedEvent, recorder } from '../../../src/server/feed/recorder.js';

afterEach(() => {
  vi.useRealTimers();
});

function feedOf(stream: EventStream) {
  return new EventFeed((record) => stream.add(recorder(record)));
}

/** An output that keeps what it is given, and is read never. */
function unread() {
  const output = { waitingBytes: 0, most: 0, isDropped: false };
  return Object.assign(output, {
    write(text: string | Buffer) {
      output.waitingBytes += Buffer.byteLength(text);
      output.most = Math.max(output.most, output.waitingBytes);
    },
    end() {},
    drop() {
      output.isDropped = true;
    },
  });
}

test('without a reader nothing is recorded: no event has a listener, and each is again without one a minute after the last', () => {
  vi.useFakeTimers();
  const stream = new EventStream([]);
  const feed = feedOf(stream);
  const taken = () => Object.values(stream.events).filter((take) => take !== undefined).length;
  expect(taken()).toBe(0);
  const leave = feed.follow(unread(), { last: 0 });
  expect(taken()).toBeGreaterThan(10);
  leave();
  vi.advanceTimersByTime(59_000);
  expect(taken()).toBeGreaterThan(10);
  vi.advanceTimersByTime(2000);
  expect(taken()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('a reader that does not read costs at most 1 MiB and one batch, and is dropped', () => {
  vi.useFakeTimers();
  const stream = new EventStream([]);
  const feed = feedOf(stream);
  const output = unread();
  feed.follow(output, { last: 0 });
  let batches = 0;
  while (!output.isDropped && batches < 100) {
    for (let count = 0; count < 5000; count++) stream.events.broadcast?.('n'.repeat(255), 'c'.repeat(256), 1);
    vi.advanceTimersByTime(50);
    batches += 1;
  }
  expect(output.isDropped).toBe(true);
  expect(output.most).toBeGreaterThan(1024 * 1024);
  expect(output.most).toBeLessThan(1024 * 1024 + RING_SIZE * 700);
  expect(feed.readers).toBe(0);
});

test('a reader with a few bytes that it never takes is dropped at the third sign of life', () => {
  vi.useFakeTimers();
  const feed = feedOf(new EventStream([]));
  const output = unread();
  feed.follow(output, { last: 0 });
  vi.advanceTimersByTime(45_000);
  expect(output.isDropped).toBe(false);
  vi.advanceTimersByTime(15_000);
  expect(output.isDropped).toBe(true);
});

test('more events between two writes than the ring holds: the stream says how many it skipped', () => {
  const stream = new EventStream([]);
  const feed = feedOf(stream);
  const written: (string | Buffer)[] = [];
  feed.follow(
    { waitingBytes: 0, write: (text) => written.push(text), end: () => {}, drop: () => {} },
    { last: 0 },
  );
  for (let count = 0; count < RING_SIZE + 7; count++) stream.events.limited?.('origin');
  feed.close();
  const text = written.join('');
  expect(text).toMatch(/^event: lost\ndata: \{"events":7\}\n\nid: \w+-8\n/);
  expect(text.match(/^id: /gm)).toHaveLength(RING_SIZE);
});

test('messages that were ignored are events with what a reader needs, and no more of a long one', () => {
  const events: FeedEvent[] = [];
  const take = recorder((event) => events.push(event));
  const connection = { id: 7, namespace: 'a', clientId: 'tab', remoteAddress: '10.0.0.1', secret: 'x' };
  const shown = { id: 7, namespace: 'a', clientId: 'tab', remoteAddress: '10.0.0.1' };
  take.ignoredText(connection, `${'x'.repeat(199)}\u{1f600}`);
  take.ignoredBinary(connection, 9);
  take.terminated(connection);
  take.abandoned();
  take.drainRequested();
  expect(events).toEqual([
    // Cut in the middle of a character.
    { kind: 'ignoredText', data: { connection: shown, text: `${'x'.repeat(199)}\ufffd`, length: 201 } },
    { kind: 'ignoredBinary', data: { connection: shown, bytes: 9 } },
    { kind: 'terminated', data: { connection: shown } },
    { kind: 'abandoned', data: {} },
    { kind: 'drainRequested', data: {} },
  ]);
});
