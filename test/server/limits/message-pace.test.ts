import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessagePace } from '../../../src/server/limits/message-pace.js';

/** One client of a pace, at times that a test gives. */
class PacedClient {
  #paidUntilMs = 0;

  constructor(private readonly pace: MessagePace) {}

  send(nowMs: number, bytes = 0): boolean {
    const paid = this.pace.take(this.#paidUntilMs, nowMs, bytes);
    if (paid !== undefined) this.#paidUntilMs = paid;
    return paid !== undefined;
  }

  isAsked(): void {
    this.#paidUntilMs = this.pace.giveBack(this.#paidUntilMs);
  }
}

const sendMany = (client: PacedClient, nowMs: number, count: number) =>
  Array.from({ length: count }, () => client.send(nowMs)).filter(Boolean).length;

describe('a client', () => {
  test('may send a burst at once, and not one message more', () => {
    expect(sendMany(new PacedClient(new MessagePace(10, 5)), 1000, 20)).toBe(5);
    expect(sendMany(new PacedClient(new MessagePace(10, 1)), 1000, 20)).toBe(1);
  });

  test('earns a message each time its rate says so, and the whole burst back with time', () => {
    const client = new PacedClient(new MessagePace(10, 5));
    sendMany(client, 1000, 5);
    expect([client.send(1050), client.send(1101), client.send(1102)]).toEqual([false, true, false]);
    expect(sendMany(client, 10_000, 20)).toBe(5);
  });

  test('pays for a long message as for several, one for each KiB begun, and only those after it wait', () => {
    const client = new PacedClient(new MessagePace(10, 5));
    expect([client.send(1000, 1024), client.send(1000, 1025), client.send(1000, 0)]).toEqual([
      true,
      true,
      true,
    ]);
    // Four of five are used up: the last one may be as long as it likes, and takes six seconds and a half to be earned.
    expect([client.send(1000, 64 * 1024 + 1), client.send(7499), client.send(7500)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('is strained when more than half of its burst is used up', () => {
    const pace = new MessagePace(10, 5);
    let paidUntilMs = 0;
    const strained = [1, 2, 3, 4].map(() => {
      paidUntilMs = pace.take(paidUntilMs, 1000, 0) ?? Number.NaN;
      return pace.isStrained(paidUntilMs, 1000);
    });
    expect(strained).toEqual([false, false, true, true]);
  });

  test('does not pay for a message that it was asked for', () => {
    const client = new PacedClient(new MessagePace(1, 1));
    for (let beat = 0; beat < 50; beat++) {
      client.isAsked();
      expect(client.send(beat)).toBe(true);
    }
  });

  test('never gets more than burst + rate × time through, and all of what keeps to the rate', () => {
    const sends = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(
        sends,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        (gaps, rate, burst) => {
          const client = new PacedClient(new MessagePace(rate, burst));
          let [nowMs, sent] = [1000, 0];
          for (const gap of gaps) {
            nowMs += gap;
            if (client.send(nowMs)) sent += 1;
            expect(sent).toBeLessThanOrEqual(burst + ((nowMs - 1000) * rate) / 1000 + 1e-6);
          }
          const steady = new PacedClient(new MessagePace(rate, burst));
          for (let index = 0; index < 100; index++)
            expect(steady.send(1000 + ((index * 1000) / rate) * 1.000001)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});
