import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import type { WorkerStatus } from '../../../src/bench/fleet/messages.js';
import { RUN_METRICS, renderRunMetrics } from '../../../src/bench/live/metrics.js';
import { RunMetrics } from '../../../src/bench/live/run-metrics.js';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import { ObservedRun, observedScenario } from '../../support/observed-run.js';

const PROMTOOL = '/usr/bin/promtool';
if (process.env.CI === 'true' && !existsSync(PROMTOOL))
  throw new Error('CI has no promtool: .ci/run installs it');
const withPromtool = existsSync(PROMTOOL) ? test : it.skip;

const health = { fromMs: 0, toMs: 1000, cpu: 0.25, delayP99Ms: 12, delayMaxMs: 30 } as WorkerStatus['health'];

/** A run in which every metric has a value. */
function observed(scenario = observedScenario()): RunMetrics {
  const metrics = new RunMetrics(scenario, 3);
  const run = new ObservedRun(metrics, scenario);
  run.start(0);
  run.progress({
    open: [900, 50],
    failed: 7,
    received: 12_345,
    emits: { due: 100, sent: 98 },
    connects: { due: 1060, sent: 1055 },
  });
  for (const ms of [[0.2, 3, 3], [70_000]]) {
    const fanout = new Histogram();
    for (const one of ms) fanout.record(one);
    metrics.status(1, { open: [], failed: 0, attempts: 0, received: 0, health, fanout: fanout.toData() });
  }
  run.seconds(1, { serverDelayMaxMs: 40, serverRssBytes: 1e8 });
  run.end(0, ({ cohorts, emit }) => {
    emit.failed = 2;
    const [steady, hot] = cohorts.map(({ tally }) => tally);
    Object.assign(steady?.counters ?? {}, { opened: 1000, lost: 3 });
    Object.assign(hot?.counters ?? {}, { opened: 60, lost: 1 });
    hot?.closed.count('4503 Namespace connection limit reached', 10);
    steady?.closed.count('1001 Heartbeat timeout', 4);
    steady?.closed.count('1001 Going Away', 1);
  });
  run.start(1);
  return metrics;
}

/** The values of a text, by name and labels. */
const valuesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^(datafn_ws_bench_\w+)\{(.*)\} (\S+)$/gm)].map(([, name, labels, value]) => [
      `${name?.replace('datafn_ws_bench_', '')}{${labels?.replace(',scenario="sample",run="3"', '').replace('scenario="sample",run="3"', '')}}`,
      Number(value),
    ]),
  );

describe('the metrics of a run', () => {
  test('say how it stands now, and what the phases that have ended counted', async () => {
    const { text } = await renderRunMetrics(observed());
    expect(valuesOf(text)).toMatchObject({
      'phase{}': 2,
      'phases{}': 3,
      'phase_info{kind="emit",phase="emit to all namespaces at 50/s for 3 s"}': 1,
      'clients{cohort="steady"}': 1000,
      'connections{cohort="steady"}': 900,
      'connections{cohort="hot"}': 50,
      'connections_failed_total{}': 7,
      'deliveries_total{}': 12_345,
      'connects_due_total{}': 1060,
      'connects_begun_total{}': 1055,
      'cursors_due_total{}': 100,
      'cursors_sent_total{}': 98,
      'opened_total{}': 1060,
      'cursor_faults_total{kind="lost"}': 4,
      'cursor_faults_total{kind="leaked"}': 0,
      'closes_total{code="1001"}': 5,
      'closes_total{code="4503"}': 10,
      'emits_failed_total{}': 2,
      'worker_cpu_ratio{worker="2"}': 0.25,
      'worker_event_loop_delay_seconds{worker="2"}': 0.012,
      'server_event_loop_delay_seconds{}': 0.04,
      'server_resident_memory_bytes{}': 1e8,
      'fanout_duration_seconds_bucket{le="0.0005"}': 1,
      'fanout_duration_seconds_bucket{le="0.005"}': 3,
      'fanout_duration_seconds_bucket{le="10"}': 3,
      'fanout_duration_seconds_bucket{le="+Inf"}': 4,
      'fanout_duration_seconds_count{}': 4,
    });
    expect(valuesOf(text)['fanout_duration_seconds_sum{}']).toBeCloseTo(70.0062, 3);
  });

  test('all have the prefix, the scenario and the number of the run', async () => {
    const { text } = await renderRunMetrics(observed());
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(30);
    for (const line of lines)
      expect(line).toMatch(/^datafn_ws_bench_\w+\{(.*,)?scenario="sample",run="3"\} \S+$/);
    for (const name of Object.keys(RUN_METRICS)) expect(text).toContain(`# TYPE datafn_ws_bench_${name} `);
  });

  test('have no series for each of the close codes that a server makes up', async () => {
    const metrics = observed();
    for (let code = 3000; code < 4000; code++) metrics.ended.cohorts[0]?.tally.closed.count(String(code));
    const { text } = await renderRunMetrics(metrics);
    expect(text.match(/closes_total\{/g)).toHaveLength(21);
    expect(valuesOf(text)['closes_total{code="other"}']).toBeGreaterThan(900);
  });

  test('stay on their lines, whatever the name of a scenario is', async () => {
    const { text } = await renderRunMetrics(observed(observedScenario('a"} 1\nevil 2\\')));
    expect(text).not.toMatch(/^evil/m);
    expect(text).toContain('scenario="a\\"} 1\\nevil 2\\\\"');
  });

  test('before the first run there are none', async () => {
    expect((await renderRunMetrics(undefined)).text.trim()).toBe('');
  });

  withPromtool('promtool accepts them without a remark', async () => {
    const { text } = await renderRunMetrics(observed());
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], {
      encoding: 'utf8',
      input: text,
    });
    expect([status, stdout + stderr]).toEqual([0, '']);
  });
});
