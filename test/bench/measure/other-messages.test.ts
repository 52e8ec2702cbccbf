import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OtherMessages } from '../../../src/bench/measure/evidence.js';

const first = (client: number) => ({ client, namespace: 'a', text: 'x' });

describe('messages that are not cursors', () => {
  test('are counted by kind, the most frequent first, with the earliest of each', () => {
    const messages = new OtherMessages();
    expect([messages.total, messages.entries()]).toEqual([0, []]);
    messages.note('binary', 20, () => first(1));
    messages.note('type "x"', 30, () => first(2));
    messages.note('type "x"', 10, () => first(3));
    messages.note('type "x"', 40, () => first(4));
    expect(messages.total).toBe(4);
    expect(messages.entries()).toEqual([
      { kind: 'type "x"', count: 3, first: { atMs: 10, ...first(3) } },
      { kind: 'binary', count: 1, first: { atMs: 20, ...first(1) } },
    ]);
  });

  test('are told only of what is kept', () => {
    const messages = new OtherMessages();
    const asked: number[] = [];
    for (const atMs of [5, 6, 5, 4]) {
      messages.note('binary', atMs, () => {
        asked.push(atMs);
        return first(0);
      });
    }
    expect(asked).toEqual([5, 4]);
  });

  test('of any number of kinds take no more memory than a few, and none is left uncounted', () => {
    const messages = new OtherMessages();
    for (let index = 0; index < 10_000; index++) messages.note(`type "${index}"`, index, () => first(0));
    expect(messages.total).toBe(10_000);
    expect(messages.entries()).toHaveLength(11);
    expect(messages.entries()[0]).toMatchObject({ kind: 'further kinds', count: 9990, first: { atMs: 10 } });
  });

  test('of several workers add up to what one would have counted', () => {
    const arbitrary = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 50 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(arbitrary, fc.nat(), (notes, split) => {
        const [whole, sum] = [new OtherMessages(), new OtherMessages()];
        const parts = [new OtherMessages(), new OtherMessages()] as const;
        for (const [index, [kind, atMs]] of notes.entries()) {
          whole.note(kind, atMs, () => first(atMs));
          parts[(index + split) % 2 === 0 ? 0 : 1].note(kind, atMs, () => first(atMs));
        }
        for (const part of parts) sum.add(part.entries());
        expect(sum.entries()).toEqual(whole.entries());
      }),
    );
  });
});
