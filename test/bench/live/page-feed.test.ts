import { afterEach, describe, expect, test, vi } from 'vitest';
import { PageFeed, type PageOutput } from '../../../src/bench/live/page-feed.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { ObservedRun, observedScenario } from '../../support/observed-run.js';
import { filledReport } from '../filled.js';

afterEach(() => void vi.useRealTimers());

/** A reader that keeps what it is sent, and takes it if it is told to. */
class Reader implements PageOutput {
  readonly texts: string[] = [];
  waitingBytes = 0;
  isEnded = false;
  isDropped = false;

  constructor(private readonly reads = true) {}

  write(text: Buffer): void {
    this.texts.push(text.toString());
    if (!this.reads) this.waitingBytes += text.length;
  }

  end(done: () => void): void {
    this.isEnded = true;
    if (this.reads) done();
  }

  drop(): void {
    this.isDropped = true;
  }

  /** The data of the messages of a kind. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every kind
  of(kind: string): any[] {
    return this.texts.flatMap((text) => {
      const [, name, data = ''] = /^event: (\w+)\ndata: ([^\n]*)\n\n$/.exec(text) ?? [];
      expect(name, text).toBeDefined();
      return name === kind ? [JSON.parse(data)] : [];
    });
  }
}

const RULES = ['steady.accepted == 999'];
const about = (scenario = observedScenario(), position = '') => ({ scenario, target: 'ws://x', position });

describe('the page of a run under way', () => {
  test('is told how the run stands when it comes, and then each change', () => {
    const feed = new PageFeed();
    const run = new ObservedRun(feed.begin(about()));
    run.start(0);
    run.seconds(3);
    const reader = new Reader();
    feed.follow(reader);
    expect(reader.of('run')).toEqual([
      {
        name: 'sample',
        summary: 'A run made by hand.',
        facts: '1,060 clients against ws://x, seed 1',
        position: '',
        phases: [
          {
            label: 'connect 1,000 clients (steady) at 500/s',
            state: 'running',
            startSeconds: expect.any(Number),
          },
          { label: 'emit to all namespaces at 50/s for 3 s', state: 'planned' },
          { label: 'hold for 2 s', state: 'planned' },
        ],
      },
    ]);
    expect(reader.of('points')).toEqual([{ isFirst: true, points: expect.any(Array) }]);
    expect(reader.of('points')[0].points).toHaveLength(3);
    run.seconds(1, { open: 77 });
    expect(reader.of('points')[1]).toMatchObject({ isFirst: false, points: [{ atMs: 3000, open: 77 }] });
    run.progress({ open: [400, 0], received: 1234, fanoutP99Ms: 3.456 });
    expect(reader.of('now').at(-1)).toMatchObject({
      bars: [{ name: 'steady', share: 0.4, text: '400 of 1,000 connected' }],
      numbers: expect.arrayContaining([
        ['connected', '400 of 1,060'],
        ['deliveries', '1,234'],
        ['fan-out p99', '3.46 ms'],
      ]),
    });
    const [expectation] = observedScenario().phases[1]?.expectations ?? [];
    run.end(0, ({ cohorts }) => Object.assign(cohorts[0]?.tally.counters ?? {}, { opened: 1000 }), [
      { expectation: expectation as NonNullable<typeof expectation>, passed: false, actual: 3, shown: '3' },
    ]);
    expect(reader.of('run').at(-1).phases[0]).toEqual({
      ...{ label: 'connect 1,000 clients (steady) at 500/s', state: 'done', startSeconds: 0.5 },
      ...{ outcome: '1,000 opened, took 2 s', broken: ['cursors.lost == 0: got 3'] },
    });
  });

  test('is told the progress four times a second at most, however often it is reported', () => {
    vi.useFakeTimers({ toFake: ['performance', 'hrtime'] });
    const feed = new PageFeed();
    const run = new ObservedRun(feed.begin(about()));
    const reader = new Reader();
    feed.follow(reader);
    run.start(0);
    for (let ms = 0; ms < 3000; ms += 10) {
      vi.advanceTimersByTime(10);
      run.progress();
    }
    expect(reader.of('now').length).toBeGreaterThan(8);
    expect(reader.of('now').length).toBeLessThanOrEqual(14);
  });

  test('of a run of hours begins with 2,000 points at most, the newest among them', () => {
    const feed = new PageFeed();
    const run = new ObservedRun(feed.begin(about()));
    run.seconds(9001);
    const reader = new Reader();
    feed.follow(reader);
    const [{ points }] = reader.of('points');
    expect(points.length).toBeLessThanOrEqual(2000);
    expect(points.length).toBeGreaterThan(1500);
    expect(points.at(-1).atMs).toBe(9_000_000);
  });

  test('gets every text as one that can be shown: no control, nothing that turns the direction', () => {
    const hostile = 'a\u202eb\u0000c\u200bd\ne';
    const feed = new PageFeed();
    const scenario = observedScenario(hostile, hostile);
    const run = new ObservedRun(feed.begin({ scenario, target: hostile, position: hostile }), scenario);
    const reader = new Reader();
    feed.follow(reader);
    run.start(0);
    const [result] = filledReport(RULES).results as [JsonResult];
    feed.ended({ ...result, scenario: { ...result.scenario, name: hostile } }, hostile);
    const shown = JSON.stringify(
      [...reader.of('run'), ...reader.of('earlier')].map((one) => JSON.stringify(one)),
    );
    expect(shown).toContain('u202e');
    for (const text of [...reader.of('run'), ...reader.of('earlier').flat()]) {
      for (const value of Object.values(text)) expect(String(value)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  test('lists the runs that have ended, and follows the next one', () => {
    const feed = new PageFeed();
    feed.begin(about(observedScenario('first'), 'run 1 of 2'));
    const reader = new Reader();
    feed.follow(reader);
    feed.ended(filledReport(RULES).results[0] as JsonResult, 'run 1 of 2');
    expect(reader.of('earlier').at(-1)).toEqual([
      {
        ...{ verdict: 'failed', sign: '✗', word: 'Failed', name: 'sample, run 1 of 2' },
        outcome: expect.stringContaining('1 of'),
      },
    ]);
    const run = new ObservedRun(feed.begin(about(observedScenario('second'), 'run 2 of 2')));
    expect(reader.of('run').at(-1)).toMatchObject({ name: 'second', position: 'run 2 of 2' });
    expect(reader.of('points').at(-1)).toEqual({ isFirst: true, points: [] });
    run.seconds(1);
    expect(reader.of('points').at(-1).points).toHaveLength(1);
  });
});

describe('the readers of a page', () => {
  test('one that does not read is dropped at 1 MiB, while the others are told everything', () => {
    const feed = new PageFeed();
    const run = new ObservedRun(feed.begin(about()));
    const [reading, stuck] = [new Reader(), new Reader(false)];
    feed.follow(reading);
    feed.follow(stuck);
    const point = {
      serverRssBytes: 1e8 / 3,
      serverDelayMaxMs: 1 / 3,
      fanoutP50Ms: 1 / 3,
      fanoutP99Ms: 1 / 3,
    };
    run.seconds(8000, point);
    expect(stuck.isDropped).toBe(true);
    expect(stuck.waitingBytes).toBeLessThan(1024 * 1024 + 10_000);
    expect(reading.isDropped).toBe(false);
    expect(reading.of('points')).toHaveLength(8001);
    expect(feed.readers).toBe(1);
  });

  test('get the report as the last that they hear, and so does one that comes after it', async () => {
    const feed = new PageFeed();
    feed.begin(about());
    const [early, late] = [new Reader(), new Reader()];
    feed.follow(early);
    const report = filledReport(RULES);
    await feed.finish(report);
    feed.follow(late);
    for (const reader of [early, late]) {
      const { title, main, charts } = reader.of('report')[0];
      expect(title).toBe('Failed: sample');
      expect(main).toContain('steady.accepted == 999');
      expect(charts.length).toBe(main.match(/data-chart=/g).length);
      expect(reader.texts.at(-1)).toMatch(/^event: report/);
      expect(reader.isEnded).toBe(true);
    }
  });

  test('that do not take the report hold bench up for two seconds, and no longer', async () => {
    vi.useFakeTimers();
    const feed = new PageFeed();
    feed.begin(about());
    feed.follow(new Reader(false));
    let isDone = false;
    const done = feed.finish(filledReport(RULES)).then(() => {
      isDone = true;
    });
    await vi.advanceTimersByTimeAsync(1900);
    expect(isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(isDone).toBe(true);
    await done;
  });

  test('without one, no message is made', () => {
    const feed = new PageFeed();
    const run = new ObservedRun(feed.begin(about()));
    const made = vi.spyOn(JSON, 'stringify');
    run.start(0);
    run.progress();
    run.seconds(3);
    run.end(0);
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  });
});
