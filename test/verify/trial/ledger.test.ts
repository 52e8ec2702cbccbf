import { describe, expect, test } from 'vitest';
import { Ledger } from '../../../src/verify/trial/ledger.js';
import { outcomeOf } from '../outcome.js';

const message = (cursor: string) => JSON.stringify({ type: 'cursor', cursor });

describe('the ledger of a run', () => {
  test('hands out increasing cursors beyond 32 bits that a client can tell apart', () => {
    const { next } = new Ledger();
    const [first, second] = [Number(next()), Number(next())];
    expect(second).toBe(first + 1);
    expect(first).toBeGreaterThan(2 ** 32);
    expect(Number.isSafeInteger(second + 1e9)).toBe(true);
  });

  test('finds a cursor in another namespace, and none that it did not cause', () => {
    const ledger = new Ledger();
    ledger.caused('7', 'a');
    const [own, other] = [ledger.record('cursor/4', 'a'), ledger.record('cursor/4', 'b')];
    own.hear(message('7'));
    other.hear(message('8'));
    expect(ledger.leaks()).toEqual([]);
    other.hear(message('7'));
    expect(ledger.leaks()).toEqual(['cursor 7 (during cursor/4)']);
  });

  test('finds a cursor of a flood in another namespace', () => {
    const ledger = new Ledger();
    ledger.flooded('100...', '199...', 'a');
    const [own, other] = [ledger.record('cursor/11', 'a'), ledger.record('cursor/11', 'b')];
    own.hear(message('150...'));
    other.hear(message('200...'));
    expect(ledger.leaks()).toEqual([]);
    other.hear(message('199...'));
    expect(ledger.leaks()).toEqual(['cursor 199... (during cursor/11)']);
  });

  test('takes a cursor that was caused in both namespaces for no leak', () => {
    const ledger = new Ledger();
    ledger.caused('7', 'a');
    ledger.caused('7', 'b');
    ledger.record('cursor/4', 'b').hear(message('7'));
    expect(ledger.leaks()).toEqual([]);
  });

  test('finds a cursor that came twice to one client', () => {
    const ledger = new Ledger();
    ledger.caused('7', 'a');
    const record = ledger.record('cursor/3', 'a');
    record.hear(message('7'));
    ledger.record('cursor/3', 'a').hear(message('7'));
    expect(ledger.duplicates()).toEqual([]);
    record.hear(message('7'));
    expect(ledger.duplicates()).toEqual(['cursor 7 2 times (during cursor/3)']);
  });

  test('forgets the timeouts of the clients of a clause that this process held up', async () => {
    const ledger = new Ledger();
    for (const clause of ['heartbeat/1', 'heartbeat/1', 'cursor/7'])
      ledger.record(clause, 'a').isFalseTimeout = true;
    expect(await outcomeOf('heartbeat/7', {}, ledger)).toBe(
      'expected none, got 3, during heartbeat/1, cursor/7',
    );
    ledger.excuseTimeouts('heartbeat/1');
    expect(await outcomeOf('heartbeat/7', {}, ledger)).toBe('expected none, got 1, during cursor/7');
  });

  test('keeps an example of each kind of message that is no cursor', () => {
    const ledger = new Ledger();
    for (const text of ['hi', '{"type":"welcome"}', '{"type":"welcome","n":2}', message('1')])
      ledger.message(text);
    expect([...ledger.otherMessages.values()]).toEqual(['hi', '{"type":"welcome"}']);
  });

  test('has what clients got beside cursors, of which a failure shows the bytes, and the beginning of a long one', async () => {
    const ledger = new Ledger();
    ledger.message('hi');
    ledger.message(`{"type":"${'x'.repeat(200)}"}`);
    const outcome = await outcomeOf('cursor/14', {}, ledger);
    expect(outcome).toMatch(/^expected none, got text that is not JSON: "hi" \(68 69\); type "x+": "/);
    expect(outcome).toMatch(/x…" \(7b 22 74 .*\(211 bytes\)\)$/);
  });
});
