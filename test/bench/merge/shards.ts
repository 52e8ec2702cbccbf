import {
  addMeasurements,
  emptyMeasurements,
  type Measurements,
} from '../../../src/bench/measure/measurements.js';
import { readShards, type ShardReport } from '../../../src/bench/merge/read-shards.js';
import type { PhaseResult, RunResult } from '../../../src/bench/model/result.js';
import type { Scenario } from '../../../src/bench/model/scenario.js';
import { jsonReport, jsonResult } from '../../../src/bench/report/json.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { judgeOn } from '../../../src/bench/verdict/judge.js';

const TARGET = { whyNotMeasured: () => undefined, hasOurSettings: true };
const MACHINE = { node: 'v20.19.0', platform: 'linux', arch: 'x64', cpu: 'any', cores: 2, memoryBytes: 1e9 };

/** A scenario for shards, with these rules. */
export const scenarioWith = (rules: readonly string[]): Scenario =>
  parseScenario(
    `version: 1
name: parts
cohorts:
  steady: { clients: 8, namespaces: "user:{1..4}" }
  hot: { clients: 6 }
phases:
  - connect: { cohort: steady }
  - emit: { namespaces: all, rate: 10/s, for: 1s }
    expect: [cursors.lost == 0]
expect:
${rules.map((rule) => `  - '${rule}'`).join('\n')}
`,
    'parts.yaml',
  );

/** What one shard measured in each phase. */
export type Fill = (measurements: Measurements, phase: number) => void;

interface ShardFacts {
  readonly uncertaintyMs?: number | undefined;
  readonly invalid?: readonly string[];
  readonly aborted?: boolean;
}

/** The report of a shard, whose phases measured what `fill` puts into them. */
export function shard(
  scenario: Scenario,
  index: number,
  of: number,
  fill: Fill,
  facts: ShardFacts = {},
): ShardReport {
  const total = emptyMeasurements(scenario.cohorts);
  const deferred = (expectations: Scenario['expectations'], measurements: Measurements) =>
    expectations.map((expectation) => ({
      expectation,
      ...judgeOn(TARGET, expectation.rule, measurements, [], false, true),
    }));
  const phases = scenario.phases.map((phase, place): PhaseResult => {
    const measurements = emptyMeasurements(scenario.cohorts);
    fill(measurements, place);
    addMeasurements(total, measurements);
    return {
      phase,
      isFinished: true,
      startMs: place * 1000,
      durationMs: 1000,
      measurements,
      outcomes: deferred(phase.expectations, measurements),
    };
  });
  const { uncertaintyMs = 'uncertaintyMs' in facts ? undefined : 1, invalid = [], aborted = false } = facts;
  const run: RunResult = {
    scenario,
    startedAt: new Date(1_800_000_000_000),
    durationMs: 2000,
    target: { urls: ['ws://127.0.0.1:1/datafn/ws'], isOwn: false },
    measurements: total,
    phases,
    outcomes: deferred([...scenario.expectations, ...scenario.implicitExpectations], total),
    aborted,
    invalid,
    problems: [],
    workers: [{ cpuMs: 100, maxCpu: 0.1, maxDelayP99Ms: 1, maxDelayMs: 2, maxRunQueueWait: 0 }],
    shard: {
      ...{ index, of, run: '0badcafe', startAtMs: 1_800_000_000_000, slackMs: 3000, clients: 7 },
      ...{ uncertaintyMs, clockOffsetMs: 0 },
    },
    timeline: [{ atMs: 1000, open: index, deliveriesPerSecond: 10 * index, fanoutP99Ms: 5 }],
  };
  const json = JSON.stringify(jsonReport([jsonResult(run, { version: '0.1.0', machine: MACHINE })], []));
  return readShards([
    { file: 'one', json: json.replace(`"of":${of}`, '"of":1').replace(`"index":${index}`, '"index":1') },
  ]).map((one) => ({ ...one, shard: { ...one.shard, index, of } }))[0] as ShardReport;
}

/** Four clients of each cohort open, in the first phase. */
export const opened: Fill = ({ cohorts }, phase) => {
  if (phase > 0) return;
  for (const { tally } of cohorts) {
    tally.counters.attempts += 4;
    tally.counters.opened += 4;
  }
};
/** What became of each rule. */
export const rulesOf = ({ expectations }: JsonResult) =>
  Object.fromEntries(
    expectations.map(({ rule, passed, shown, notMeasurable }) => [rule, { passed, shown, notMeasurable }]),
  );
/** The same, and a delivery in the second phase that took so long. */
export const fanoutOf =
  (ms: number): Fill =>
  (measurements, phase) => {
    opened(measurements, phase);
    if (phase === 1) measurements.cohorts[0]?.tally.histograms.fanout.record(ms);
  };
