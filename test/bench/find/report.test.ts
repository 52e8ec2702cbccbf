import { expect, test } from 'vitest';
import { compareReports } from '../../../src/bench/compare/compare.js';
import { readResults } from '../../../src/bench/compare/comparison.js';
import { findLimit, type Run } from '../../../src/bench/find/find.js';
import type { FindPlan } from '../../../src/bench/find/plan.js';
import type { FindStep } from '../../../src/bench/report/find-schema.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import { type JsonResult, reportSchema } from '../../../src/bench/report/schema.js';
import { filledReport } from '../filled.js';
import { terminalReport, verdictText } from '../rendered.js';

const PLAN: FindPlan = {
  of: 'deliveries',
  from: 500,
  to: undefined,
  precision: 0.05,
  rules: ['fanout.p99 < 250ms'],
  atLeast: undefined,
};
const [filled] = filledReport(['fanout.p99 < 2s']).results as [JsonResult];

type Kind = 'holds' | 'breaks' | 'narrowly' | 'saturated';

/** A run that went like that. */
function run(kind: Kind): JsonResult {
  const [rule] = filled.expectations as [JsonResult['expectations'][number]];
  const failed = kind === 'breaks' || kind === 'narrowly';
  const measured = {
    ...rule,
    rule: 'fanout.p99 < 250ms',
    expected: 250,
    actual: { holds: 12, breaks: 4000, narrowly: 260, saturated: 12 }[kind],
    passed: !failed,
    shown: kind === 'breaks' ? '4 s' : '260 ms',
    ...(failed ? { meaning: 'the server falls behind' } : {}),
  };
  const reasons = kind === 'saturated' ? ['The load generator was the bottleneck: worker 1'] : [];
  return {
    ...filled,
    verdict: failed ? 'failed' : kind === 'saturated' ? 'invalid' : 'passed',
    expectations: [measured],
    problems: [],
    aborted: false,
    invalid: reasons.length > 0,
    invalidReasons: reasons,
  };
}

/** The result of a search on a server that takes so much. */
async function foundWith(kindAt: (load: number) => Kind, plan: Partial<FindPlan> = {}): Promise<JsonResult> {
  const runAt = async (load: number) => ({ result: run(kindAt(load)) });
  const observer = { trying: () => {}, tried: () => {} };
  const found = await findLimit({ ...PLAN, ...plan }, runAt, observer, new AbortController().signal);
  return found as JsonResult;
}

const upTo = (limit: number) => (load: number) => (load <= limit ? 'holds' : 'breaks') as Kind;

test('a search is in every format: the limit, its range, the rule that broke first, why, and every run', async () => {
  const result = await foundWith(upTo(1000));
  const report = jsonReport([result], []);
  expect(reportSchema.parse(report)).toEqual(report);
  expect(result).toMatchObject({
    verdict: 'passed',
    problems: [],
    find: { limit: 1000, broke: 1032, confirmed: 3 },
  });
  expect(result.find?.brokenBy).toEqual({
    rule: 'fanout.p99 < 250ms',
    load: 1032,
    shown: '4 s',
    meaning: 'the server falls behind',
  });
  const formats = [terminalReport(result), markdownReport(report), htmlReport(report), junitReport(report)];
  for (const text of formats) {
    expect(text).toContain('1,000 deliveries/s');
    expect(text).toContain('1,032');
    expect(text.replace(/\s+/g, ' ')).toContain('the server falls behind');
    expect(text).toMatch(/fanout\.p99 (<|&lt;|&#60;) 250ms/);
  }
  expect(verdictText(result)).toBe('PASSED sample: 1,000 deliveries/s; 1,032 broke `fanout.p99 < 250ms`');
});

test('the page draws the curve by load, with the limit marked', async () => {
  const html = htmlReport(jsonReport([await foundWith(upTo(1000))], []));
  const [, data = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html) ?? [];
  const charts = JSON.parse(data) as { loads?: { values: number[]; marks: unknown[] }; lines: unknown[] }[];
  const [latency] = charts.filter(({ loads }) => loads !== undefined);
  expect(latency?.loads?.values).toEqual([500, 1000, 1032, 1063, 1125, 1250, 1500, 2000]);
  expect(latency?.loads?.marks).toEqual([
    { label: 'limit', at: 1000 },
    { label: 'breaks', at: 1032 },
  ]);
  expect(latency?.lines).toHaveLength(2);
});

test('what ends a search decides the verdict', async () => {
  expect(await foundWith(upTo(1000), { atLeast: 1000 })).toMatchObject({ verdict: 'passed' });
  const low = await foundWith(upTo(1000), { atLeast: 1500 });
  expect(low).toMatchObject({ verdict: 'failed' });
  expect(verdictText(low)).toContain('below --at-least 1,500');
  expect(junitReport(jsonReport([low], []))).toMatch(
    /<testcase name="the limit of deliveries is at least 1500"[^>]*>\s*<failure/,
  );
  const saturated = (load: number): Kind => (load < 2000 ? 'holds' : 'saturated');
  const generator = await foundWith(saturated);
  expect(generator).toMatchObject({ verdict: 'invalid', find: { end: 'generator', limit: 1000 } });
  expect(terminalReport(generator).replace(/\s+/g, ' ')).toContain(
    "This is the load generator's limit, not the server's. Add cores and --workers",
  );
  // That much was shown before the generator gave up.
  expect(await foundWith(saturated, { atLeast: 1000 })).toMatchObject({ verdict: 'passed' });
  expect(await foundWith(() => 'breaks')).toMatchObject({ verdict: 'failed', find: { end: 'none' } });
  expect(await foundWith(() => 'holds', { to: 3000 })).toMatchObject({
    verdict: 'passed',
    find: { end: 'top', limit: 3000 },
  });
});

test('a run that only just broke a rule is repeated, one far beyond is not', async () => {
  const raisedTo2000 = async (beyond: 'narrowly' | 'breaks') => {
    const { find } = await foundWith((load) => (load < 2000 ? 'holds' : load < 4000 ? beyond : 'breaks'));
    return find?.steps.filter(({ load, purpose }) => load === 2000 && purpose === 'raise');
  };
  expect(await raisedTo2000('narrowly')).toMatchObject([{}, { isRepeated: true }]);
  expect(await raisedTo2000('breaks')).toHaveLength(1);
});

test('two searches are compared by their limits alone, and only with searches of the same quantity', async () => {
  const read = (one: JsonResult) => readResults(JSON.stringify(jsonReport([one], [])), 'a report');
  const names = { base: 'the baseline', new: 'the newer report' };
  const [high, low] = [await foundWith(upTo(1000)), await foundWith(upTo(700))];
  const comparison = compareReports(read(high), read(low), ['find.deliveries -10%'], names);
  expect(comparison).toMatchObject({ verdict: 'regressed' });
  expect(comparison.comparisons[0]?.changes.map(({ name, base, new: next }) => [name, base, next])).toEqual([
    ['find.deliveries', 1000, 688],
  ]);
  expect(comparison.comparisons[0]?.numbers).toHaveLength(1);
  expect(compareReports(read(high), read(low), [], names).verdict).toBe('warned');
  expect(compareReports(read(high), read(high), ['find.deliveries -10%'], names).verdict).toBe('same');
  const clients = await foundWith(upTo(1000), { of: 'clients' });
  for (const other of [clients, run('holds')])
    expect(() => compareReports(read(high), read(other), [], names)).toThrow('to be of the same kind');
});

test('a search that is stopped says what it knows', async () => {
  const stop = new AbortController();
  let runs = 0;
  const runAt = async () => {
    runs += 1;
    if (runs === 2) stop.abort();
    return { result: run('holds') };
  };
  const found = await findLimit(PLAN, runAt, { trying: () => {}, tried: () => {} }, stop.signal);
  expect(found).toMatchObject({ verdict: 'aborted', aborted: true, find: { end: 'stopped', limit: 1000 } });
  expect(runs).toBe(2);
});

/** A search whose runs end like that from its third one on, and what it showed of each. */
async function endingWith(third: Run): Promise<{ found: JsonResult; shown: FindStep[] }> {
  let runs = 0;
  const shown: FindStep[] = [];
  const runAt = async (): Promise<Run> => {
    runs += 1;
    return runs < 3 ? { result: run('holds') } : third;
  };
  const observer = { trying: () => {}, tried: (step: FindStep) => shown.push(step) };
  const found = await findLimit(PLAN, runAt, observer, new AbortController().signal);
  return { found: found as JsonResult, shown };
}

test('a run that was stopped ends the search: it is no step, and what held until then is known', async () => {
  const { found, shown } = await endingWith({
    result: { ...run('holds'), verdict: 'aborted', aborted: true },
  });
  expect(found).toMatchObject({ verdict: 'aborted', aborted: true, find: { end: 'stopped', limit: 1000 } });
  expect(shown.map(({ load }) => load)).toEqual([500, 1000]);
});

test.each<[string, Run, Partial<FindStep>, object]>([
  [
    'the machine is too small for',
    { tooMuch: 'Add descriptors: ulimit -n' },
    { outcome: 'saturated', reasons: ['Add descriptors: ulimit -n'] },
    { verdict: 'invalid', find: { end: 'generator', limit: 1000 } },
  ],
  [
    'the server is gone for',
    { gone: 'Cannot reach ws://h' },
    { outcome: 'gone', reasons: ['Cannot reach ws://h'] },
    { find: { end: 'gone', limit: 1000 } },
  ],
])(
  'a load that %s is a step that says why, and nothing was measured in it',
  async (_, third, step, result) => {
    const { found, shown } = await endingWith(third);
    const last = { load: 2000, durationMs: 0, broke: [], generatorCpu: 0, ...step };
    expect(shown[2]).toMatchObject(last);
    expect(found.find?.steps[2]).toEqual(shown[2]);
    expect(found).toMatchObject(result);
  },
);

test('a limit that moves is said to, in words', async () => {
  let runs = 0;
  const found = await foundWith(() => (runs++ % 3 === 0 ? 'breaks' : 'holds'));
  expect(found.find).toMatchObject({ end: 'unsteady', limit: expect.any(Number), broke: expect.any(Number) });
  expect(terminalReport(found).replace(/\s+/g, ' ')).toMatch(
    /The server took \S+ deliveries\/s once, and \S+ deliveries\/s is too much\. Loads in between held in one run and not in the next: the limit moves/,
  );
});
