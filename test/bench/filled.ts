import { emptyMeasurements, type Measurements } from '../../src/bench/measure/measurements.js';
import type { RunResult } from '../../src/bench/model/result.js';
import type { Phase } from '../../src/bench/model/scenario.js';
import { jsonReport, jsonResult } from '../../src/bench/report/json.js';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { parseScenario } from '../../src/bench/scenario/load.js';
import { judge } from '../../src/bench/verdict/rule.js';

const PHASE = 'connect: { cohort: steady }';

/** A scenario of two cohorts, for results that are made by hand. */
const SCENARIO = (rules: readonly string[], phase = PHASE) => `version: 1
name: sample
summary: Two cohorts, one of them larger than its namespace takes, and every kind of number that there is.
cohorts:
  steady: { clients: 1000, namespaces: "user:{1..20}" }
  hot: { clients: 60 }
  silent: { clients: 50, behavior: silent }
phases:
  - { ${phase} }
expect:
${rules.map((rule) => `  - '${rule}'`).join('\n')}
`;

/** Measurements in which every counter, ledger and histogram holds something. */
export function filledMeasurements(): Measurements {
  const measurements = emptyMeasurements(
    parseScenario(SCENARIO(['closed[1006] == 0']), 'sample.yaml').cohorts,
  );
  for (const [index, cohort] of measurements.cohorts.entries()) {
    const { tally, clients } = cohort;
    for (const [place, name] of Object.keys(tally.counters).entries()) {
      tally.counters[name as keyof typeof tally.counters] = 2 + index + place;
    }
    // Every attempt has a result, every accepted connection an end, and what was received adds up.
    const { timeouts, lost, conflated, duplicated, leaked, late } = tally.counters;
    const attempts = clients + 5 + timeouts;
    const received = 4000 - lost - conflated + duplicated + leaked + late;
    const disconnected = [19, 9, 0][index];
    Object.assign(tally.counters, { attempts, opened: clients, disconnected, expected: 4000, received });
    for (const [place, histogram] of Object.values(tally.histograms).entries()) {
      for (let sample = 1; sample <= 100; sample++) histogram.record(sample * (place + 1) * 1.7);
    }
    tally.closed.count('1006', 1);
    tally.rejected.count('503', 3);
    tally.errors.count('ECONNRESET', 2);
    tally.pullFailures.count('HTTP 503', 4);
    cohort.open = clients - 20;
    cohort.unpinged = 1 + index;
    Object.assign(cohort, { pingsOwed: 30, pingsOverdue: 1 + index });
    Object.assign(cohort, { cursorsOwed: 40, leftBehind: 1 + index });
  }
  measurements.cohorts[0]?.tally.evidence.note('lost', 3410, () => ({
    client: 17,
    namespace: 'user:18',
    cursor: '1700000000000118',
  }));
  measurements.cohorts[0]?.tally.otherMessages.note(
    'type "welcome"',
    105,
    () => ({ client: 4, namespace: 'user:5', text: '{"type":"welcome"}' }),
    1000,
  );
  measurements.cohorts[1]?.tally.closed.count('4503 Namespace connection limit reached', 10);
  measurements.cohorts[2]?.tally.closed.count('1001 Heartbeat timeout', 19);
  Object.assign(measurements.pulls, { peak: 900, longestBehindMs: 1500 });
  Object.assign(measurements.emit, { broadcasts: 120, failed: 2, delivered: 11_990 });
  Object.assign(measurements.api, { requests: 5000, failed: 7, durationMs: 1000 });
  for (let sample = 1; sample <= 100; sample++) {
    measurements.emit.lag.record(sample / 10);
    measurements.emit.time.record(sample / 4);
    measurements.api.latency.record(sample / 5);
    measurements.skew.record(sample / 3);
  }
  measurements.convergence.record(12.5);
  measurements.recovery.record(640);
  measurements.server = {
    connections: 1010,
    accepted: 1110,
    rejected: 10,
    conflated: 4,
    closed: { '1000': 3, '1001': 49 },
    cpuMs: 900,
    rssBytes: 80 * 1024 ** 2,
    bytesPerConnection: 9000,
    delayP99Ms: 12,
    delayMaxMs: 30,
    shutdownMs: 150,
    exitCode: 1,
  };
  return measurements;
}

/** A result with those measurements, judged by `rules`. */
export function filledResult(
  rules: readonly string[],
  parts: Partial<Omit<RunResult, 'scenario' | 'outcomes'>> = {},
  phase = PHASE,
): RunResult {
  const scenario = parseScenario(SCENARIO(rules, phase), 'sample.yaml');
  const measurements = parts.measurements ?? filledMeasurements();
  return {
    startedAt: new Date(0),
    durationMs: 12_345,
    target: { urls: ['ws://127.0.0.1:3001/datafn/ws'], isOwn: true },
    aborted: false,
    invalid: [],
    problems: [],
    phases: [],
    timeline: [],
    workers: [
      { cpuMs: 4200, maxCpu: 0.42, maxDelayP99Ms: 12.3, maxDelayMs: 35, maxRunQueueWait: 0.05 },
      { cpuMs: 9700, maxCpu: 0.97, maxDelayP99Ms: 180, maxDelayMs: 412, maxRunQueueWait: undefined },
    ],
    ...parts,
    scenario,
    measurements,
    outcomes: scenario.expectations.map((expectation) => ({
      expectation,
      ...judge(expectation.rule, measurements),
    })),
  };
}

/** A result as data, from a machine that is the same everywhere. */
export function asJson(result: RunResult): JsonResult {
  return jsonResult(result, {
    version: '1.2.3',
    machine: {
      node: 'v20.19.0',
      platform: 'linux',
      arch: 'x64',
      cpu: 'A processor',
      cores: 2,
      memoryBytes: 2 ** 34,
    },
  });
}

/** A report of such a result, with phases and a timeline. */
export function filledReport(
  rules: readonly string[],
  parts: Parameters<typeof filledResult>[1] = {},
  phase = PHASE,
): JsonReport {
  const [connect] = parseScenario(SCENARIO(rules), 'sample.yaml').phases;
  const phases = [0, 3000, 6000].map((startMs) => ({
    phase: connect as Phase,
    isFinished: true,
    startMs,
    durationMs: 3000,
    measurements: filledMeasurements(),
    outcomes: [],
  }));
  const timeline = Array.from({ length: 12 }, (_, second) => ({
    atMs: (second + 1) * 1000,
    open: Math.min(1000, second * 200),
    deliveriesPerSecond: second > 4 ? 4000 + second * 10 : 0,
    ...(second > 4 ? { fanoutP50Ms: 3 + second / 10, fanoutP99Ms: 20 + second } : {}),
    workerDelayP99Ms: 4 + second,
    serverRssBytes: (80 + second) * 2 ** 20,
    serverDelayMaxMs: 9 - second / 2,
  }));
  return jsonReport([asJson(filledResult(rules, { phases, timeline, ...parts }, phase))], []);
}
