import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { clientsOfShard, firstCursorOf, runIdOf, shareOf } from '../../../src/bench/shard/shard.js';
import { timetableOf, whyNotSharded } from '../../../src/bench/shard/timetable.js';
import { parseShard, parseTime } from '../../../src/options/shard.js';

const scenario = (phases: string) =>
  parseScenario(
    `version: 1
name: parts
cohorts:
  steady: { clients: 100, namespaces: "user:{1..4}" }
phases:
${phases}
expect: [accepted == 100]
`,
    'parts.yaml',
  );

describe('clients', () => {
  test('are divided so that each is played by one shard, and none has two more than another', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 20 }), (clients, of) => {
        const shares = Array.from({ length: of }, (_, index) => shareOf(clients, { index: index + 1, of }));
        expect(shares.reduce((sum, one) => sum + one, 0)).toBe(clients);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        for (const [place, share] of shares.entries()) {
          const played = Array.from({ length: clients }, (_, i) => i).filter((i) => i % of === place);
          expect(share).toBe(played.length);
        }
      }),
    );
  });

  test('of all cohorts are counted', () => {
    expect(clientsOfShard([{ clients: 5 }, { clients: 3 }], { index: 1, of: 2 })).toBe(5);
    expect(clientsOfShard([{ clients: 5 }, { clients: 3 }], { index: 2, of: 2 })).toBe(3);
  });
});

describe('what shards agree on without talking', () => {
  const one = scenario('  - connect: { cohort: steady }');
  const options = { index: 1, of: 2, startAtMs: 1_800_000_000_000, slackMs: 3000 };

  test('is one run id, whichever shard it is', () => {
    expect(runIdOf(one, { ...options, index: 2 })).toBe(runIdOf(one, options));
    expect(runIdOf(one, options)).toMatch(/^[0-9a-f]{8}$/);
  });

  test.each([
    ['another number of shards', { of: 3 }],
    ['another beginning', { startAtMs: 1_800_000_000_001 }],
    ['another slack', { slackMs: 4000 }],
  ])('is another run with %s', (_, other) => {
    expect(runIdOf(one, { ...options, ...other })).not.toBe(runIdOf(one, options));
  });

  test('is another run with another seed', () => {
    expect(runIdOf({ ...one, seed: one.seed + 1 }, options)).not.toBe(runIdOf(one, options));
  });

  test('is the first cursor, which clients can still tell from the next', () => {
    expect(firstCursorOf(options)).toBe(1_800_000_000_000_000);
    expect(Number.isSafeInteger(firstCursorOf(options) + 1_000_000)).toBe(true);
  });
});

describe('the timetable', () => {
  test('gives each phase its planned time, what it waits for, and the slack, one after the other', () => {
    const phases = `  - connect: { cohort: steady, rate: 50/s }
  - emit: { namespaces: all, rate: 10/s, for: 4s, settle: 2s }
  - hold: 5s
  - parallel: [{ hold: 1s }, { hold: 3s }]
  - repeat: { times: 2, phases: [{ hold: 1s }] }`;
    expect(timetableOf(scenario(phases), 1000)).toEqual([
      { fromMs: 0, toMs: 3000 },
      // A second before the first cursor, in which every shard learns what is going to come.
      { fromMs: 3000, toMs: 11_000 },
      { fromMs: 11_000, toMs: 17_000 },
      { fromMs: 17_000, toMs: 21_000 },
      { fromMs: 21_000, toMs: 25_000 },
    ]);
  });

  test.each([
    ['  - emit: { namespaces: all, via: autocannon, for: 1s }', /autocannon/],
    ['  - emit: { namespaces: all, rate: 1/s, for: 1s, mayFail: true }', /emits fail/],
    [
      '  - repeat: { times: 2, phases: [{ emit: { namespaces: all, rate: 1/s, for: 1s } }] }',
      /inside of repeat/,
    ],
    ['  - warmup: [{ emit: { namespaces: all, rate: 1/s, for: 1s } }]', /inside of warmup/],
    ['  - { hold: 1s, abortOnFail: true, expect: [open == 100] }', /abortOnFail/],
  ])('has no place for %s', (phase, why) => {
    expect(whyNotSharded(scenario(phase))).toMatch(why);
  });

  test('has a place for emits side by side', () => {
    const emit = '{ emit: { namespaces: all, rate: 1/s, for: 1s } }';
    expect(whyNotSharded(scenario(`  - parallel: [${emit}, ${emit}]`))).toBeUndefined();
  });
});

describe('flags', () => {
  test.each([
    ['1/1', { index: 1, of: 1 }],
    ['2/4', { index: 2, of: 4 }],
  ])('--shard %s is a part', (text, value) => {
    expect(parseShard(text)).toEqual({ ok: true, value });
  });
  test.each(['0/4', '5/4', '2', '2/', '/4', '2/0', 'a/b', '-1/4', '1/9999', ''])(
    '--shard %j is refused',
    (text) => {
      expect(parseShard(text).ok).toBe(false);
    },
  );
  test.each([
    ['2030-01-31T12:00:00Z', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31T12:00:00.250+01:00', Date.UTC(2030, 0, 31, 11, 0, 0, 250)],
    ['2030-01-31T12:00Z', Date.UTC(2030, 0, 31, 12)],
    ['1900000000', 1_900_000_000_000],
    ['1900000000.5', 1_900_000_000_500],
  ])('--start-at %s is a time', (text, value) => {
    expect(parseTime(text)).toEqual({ ok: true, value });
  });
  test.each(['12:00', '2030-01-31T12:00:00', '2030-13-31T12:00:00Z', 'now', '19', ''])(
    '--start-at %j is refused: it may be another time on another machine, or none',
    (text) => {
      expect(parseTime(text).ok).toBe(false);
    },
  );
});
