import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonResult } from '../../src/bench/report/schema.js';
import { benchInProcess } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// One run with a server of its own, which every kind of phase that is for one server is part of. How fast anything is
// does not matter, nor whether the machine was too busy for the run to be valid.

const { file } = temporaryFolder('bench-phases');

const SCENARIO = file(
  'every-kind.yaml',
  `version: 1
name: every-kind
cohorts:
  steady: { clients: 6, namespaces: "user:{1..2}", behavior: reconnecting, backoffScale: 0.05 }
  movers: { clients: 8, namespaces: "user:{1..2}" }
  wrong: { clients: 12, behavior: malformed }
phases:
  - connect: { cohort: steady, atOnce: true }
  - connect: { cohort: wrong, atOnce: true }
  - warmup: [{ emit: { namespaces: all, rate: 100/s, count: 3 } }, { emit: { namespaces: all, rate: 100/s, count: 3 } }]
  - parallel:
      - emit: { namespaces: "user:1", rate: 10/s, count: 11 }
      - emit: { namespaces: "user:2", rate: 100/s, count: 5 }
  - repeat: { times: 3, phases: [{ emit: { namespaces: all, rate: 100/s, count: 3 } }] }
  - churn: { cohort: movers, rate: 100/s, for: 240ms, how: reset }
  - churn: { cohort: movers, session: 100ms, for: 300ms }
  - disconnect: { cohort: movers }
  - restart-server: { downtime: 700ms }
  - converge: { within: 30s }
  - emit: { namespaces: all, via: autocannon, rate: 20/s, for: 1s, connections: 2 }
  - shutdown-server: {}
expect:
  - server.exitCode == 0
`,
);

let result: JsonResult;
beforeAll(async () => {
  ({ result } = await benchInProcess([SCENARIO]));
});

type PhaseOfReport = JsonResult['phases'][number];

/** The `nth` phase of a kind. */
function phase(kind: string, nth = 1): PhaseOfReport {
  return result.phases.filter((one) => one.kind === kind)[nth - 1] as PhaseOfReport;
}

/** What a cohort has done in a phase, or in the whole run. */
function cohortOf(of: PhaseOfReport | JsonResult, name: string) {
  const { cohorts } = 'total' in of ? of.total : of.measurements;
  return cohorts.find((one) => one.name === name) as (typeof cohorts)[number];
}

const metricOf = ({ metrics }: JsonResult['total'], name: string) =>
  metrics.find((one) => one.name === name && one.cohort === undefined)?.value;

describe('a run in which the server is restarted and shut down', () => {
  test('finishes every phase, and nothing is wrong with the server', () => {
    expect(result.phases.map(({ isFinished }) => isFinished)).toEqual(Array(12).fill(true));
    expect(result.problems).toEqual([]);
    const wrong = result.expectations.filter(({ passed }) => !passed);
    expect(wrong).toEqual([]);
  });

  test('loses every client both times, and those that reconnect are there again in between', () => {
    expect(phase('restart-server').durationMs).toBeGreaterThanOrEqual(700);
    const converge = phase('converge');
    expect([cohortOf(converge, 'steady').open, cohortOf(converge, 'wrong').open]).toEqual([6, 0]);
    expect(metricOf(converge.measurements, 'converged')).toBeGreaterThanOrEqual(0);
    const { closed, counters } = cohortOf(result, 'steady');
    expect({ closed, counters }).toMatchObject({
      closed: { '1001 Going Away': 12 },
      counters: { reconnects: 6 },
    });
  });

  test('measures how long the server takes to end, and its exit code, which rules may be about', () => {
    const shutdown = phase('shutdown-server');
    expect(metricOf(shutdown.measurements, 'server.exitCode')).toBe(0);
    expect(metricOf(shutdown.measurements, 'server.shutdown')).toBeGreaterThan(0);
    // The restart was none of the measured ones.
    expect(metricOf(phase('restart-server').measurements, 'server.exitCode')).toBeUndefined();
    expect(result.expectations.find(({ rule }) => rule === 'server.exitCode == 0')).toMatchObject({
      passed: true,
      actual: 0,
    });
  });
});

test('each kind of malformed data is sent: the server closes the clients that break the protocol, and no others', () => {
  const { closed } = cohortOf(result, 'wrong');
  // Of twelve clients with six kinds; those whose data is a message stay until the restart.
  expect(closed).toEqual({ 1002: 2, 1007: 2, 1009: 2, '1001 Going Away': 6 });
});

test('phases inside of a phase are all carried out: one after the other, at once, and again', () => {
  const broadcasts = ({ measurements }: PhaseOfReport) => metricOf(measurements, 'emit.broadcasts');
  const [warmup, parallel, repeat] = [phase('warmup'), phase('parallel'), phase('repeat')];
  expect([warmup, parallel, repeat].map(broadcasts)).toEqual([6, 16, 9]);
  // Each of three clients gets what is emitted into its namespace.
  expect(cohortOf(parallel, 'steady').counters).toMatchObject({ expected: 48, received: 48 });
  // The slower one alone takes a second.
  expect(parallel.durationMs).toBeGreaterThan(1000);
});

describe('a churn', () => {
  /** Connections that the server has seen end without a close frame. */
  const lostOnServer = (one: PhaseOfReport) =>
    one.measurements.metrics.find(({ name, key }) => name === 'server.closed' && key === '1006')?.value ?? 0;

  test('at a rate has each client in turn come, leave by a reset, and come again', () => {
    const { counters, open, histograms } = cohortOf(phase('churn'), 'movers');
    const { opened = 0, disconnected = 0 } = counters;
    expect(opened - disconnected).toBe(open);
    expect(opened).toBeGreaterThanOrEqual(8);
    // By the end of the phase after the next, the server has seen the last of them.
    expect(lostOnServer(phase('disconnect')) - lostOnServer(phase('connect', 2))).toBe(disconnected);
    // A client whose handshake takes longer than a round of all eight has missed its turn.
    if ((histograms.handshake?.max ?? Infinity) < 70) expect([opened, disconnected]).toEqual([16, 8]);
  });

  test('in sessions has clients leave and come, until a disconnect takes those that are left', () => {
    const before = cohortOf(phase('churn'), 'movers').open;
    const { counters, open } = cohortOf(phase('churn', 2), 'movers');
    const { opened = 0, disconnected = 0 } = counters;
    expect(before + opened - disconnected).toBe(open);
    expect(disconnected).toBeGreaterThan(0);
    expect(cohortOf(phase('disconnect'), 'movers')).toMatchObject({
      open: 0,
      counters: { disconnected: open },
    });
  });
});

test('an emit with autocannon counts the requests that it makes, and clients get the cursors of all of them', () => {
  const racing = phase('emit');
  const requests = metricOf(racing.measurements, 'api.requests') ?? Number.NaN;
  expect(metricOf(racing.measurements, 'api.failed')).toBe(0);
  expect(cohortOf(racing, 'steady').counters).toMatchObject({ lost: 0, duplicated: 0 });
  expect(cohortOf(racing, 'steady').counters.received).toBeGreaterThanOrEqual(requests);
});
