import { afterAll, describe, expect, test } from 'vitest';
import { type BenchOutput, runBench } from '../support/bench-process.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { smaller } from '../support/smaller.js';

afterAll(disposeProcesses);

/** The line of the report about a rule. */
function ruleLine({ stdout }: BenchOutput, rule: string): string | undefined {
  return stdout.split('\n').find((line) => line.includes(rule) && /[✓✗]/.test(line));
}

const HELD = /^\s*✓/;
const FAILED = /^\s*✗/;

describe('a check that cannot fail is no check: a shipped scenario fails on a server with one setting off', () => {
  async function against(serveFlags: readonly string[], args: readonly string[]): Promise<BenchOutput> {
    const serve = await startServe(serveFlags);
    return runBench([...args, '--url', serve.wsUrl, '--admin-url', serve.apiUrl]);
  }

  const limits = smaller(
    'limits',
    {
      'steady.accepted == 1850': 'steady.accepted == 185',
      'hot.accepted == 100': 'hot.accepted == 10',
      'hot.closed[4503 "Namespace connection limit reached"] == 200':
        'hot.closed[4503 "Namespace connection limit reached"] == 20',
      'crowd.accepted == 50': 'crowd.accepted == 5',
      'crowd.closed[4503 "Connection limit reached"] == 850':
        'crowd.closed[4503 "Connection limit reached"] == 85',
      'again.accepted == 100': 'again.accepted == 10',
      'open == 2000': 'open == 200',
      'fanout.p99 < 2s': 'fanout.p99 < 20s',
    },
    {
      'cohorts.steady.clients': '185',
      'cohorts.hot.clients': '30',
      'cohorts.crowd.clients': '90',
      'cohorts.again.clients': '10',
      'phases[emit].emit.for': '300ms',
    },
  );
  const limitFlags = (global: number, perNamespace: number) => [
    ...['--max-connections', String(global)],
    ...['--max-connections-per-namespace', String(perNamespace)],
  ];

  test('limits passes with the right settings', async () => {
    const output = await against(limitFlags(200, 10), limits);
    expect(output.code, output.stdout + output.stderr).toBe(0);
  });

  test.each([
    ['the limit of a namespace is one too high', 200, 11, 'hot.accepted == 10', 11],
    ['the limit of a namespace is one too low', 200, 9, 'hot.accepted == 10', 9],
    ['the limit of all is one too high', 201, 10, 'crowd.accepted == 5', 6],
    ['the limit of all is one too low', 199, 10, 'crowd.accepted == 5', 4],
  ])('limits fails when %s', async (_what, global, perNamespace, rule, actual) => {
    const output = await against(limitFlags(global, perNamespace), limits);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    const line = ruleLine(output, rule);
    expect(line).toMatch(FAILED);
    expect(line).toMatch(new RegExp(`\\s${actual}$`));
    // The rules that this setting does not touch go on to hold.
    expect(ruleLine(output, 'steady.accepted == 185')).toMatch(HELD);
    expect(ruleLine(output, 'cursors.lost == 0')).toMatch(HELD);
  });

  // A quarter of the interval that ships, with room for any process to stand still for three seconds.
  const heartbeat = smaller(
    'heartbeat',
    {
      'healthy.accepted == 1600': 'healthy.accepted == 160',
      'silent.accepted == 400': 'silent.accepted == 40',
      'silent.closed[1001 "Heartbeat timeout"] == 400': 'silent.closed[1001 "Heartbeat timeout"] == 40',
      'healthy.open == 1600': 'healthy.open == 160',
      'healthy.heartbeat.interval.p50 > 1700ms': 'healthy.heartbeat.interval.p50 > 400ms',
      'healthy.heartbeat.interval.p50 < 2300ms': 'healthy.heartbeat.interval.p50 < 1500ms',
      'silent.heartbeat.timeout.p50 > 900ms': 'silent.heartbeat.timeout.p50 > 1500ms',
      'silent.heartbeat.timeout.p50 < 1700ms': 'silent.heartbeat.timeout.p50 < 6s',
      'silent.heartbeat.timeout.p99 < 2500ms': 'silent.heartbeat.timeout.p99 < 6s',
    },
    {
      'cohorts.healthy.clients': '160',
      'cohorts.silent.clients': '40',
      'phases[emit].emit.for': '500ms',
      'phases[hold].hold': '6s',
    },
  );
  const beats = (interval: string, timeout: string) => [
    '--heartbeat-interval',
    interval,
    '--heartbeat-timeout',
    timeout,
  ];

  test('heartbeat passes with the right settings', async () => {
    const output = await against(beats('500ms', '2s'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(0);
  });

  test('heartbeat fails when there is none', async () => {
    const output = await against(beats('0', '2s'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(ruleLine(output, 'silent.closed[1001 "Heartbeat timeout"] == 40')).toMatch(/✗.*\s0$/);
    expect(ruleLine(output, 'heartbeat.undetected == 0')).toMatch(/✗.*\s40$/);
    expect(ruleLine(output, 'healthy.heartbeat.interval.p50 < 1500ms')).toMatch(/✗.*no samples$/);
    expect(ruleLine(output, 'healthy.accepted == 160')).toMatch(HELD);
  });

  test('heartbeat fails when nobody is ever closed for not answering', async () => {
    const output = await against(beats('500ms', '0'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(ruleLine(output, 'silent.closed[1001 "Heartbeat timeout"] == 40')).toMatch(/✗.*\s0$/);
    expect(ruleLine(output, 'heartbeat.undetected == 0')).toMatch(/✗.*\s40$/);
    expect(ruleLine(output, 'silent.heartbeat.timeout.p50 < 6s')).toMatch(/✗.*no samples$/);
    expect(ruleLine(output, 'healthy.heartbeat.interval.p50 < 1500ms')).toMatch(HELD);
    expect(ruleLine(output, 'heartbeat.falseTimeouts == 0')).toMatch(HELD);
  });
});
