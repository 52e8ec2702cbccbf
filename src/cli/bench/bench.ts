import { availableParallelism, cpus, totalmem } from 'node:os';
import { jsonReport, jsonResult } from '../../bench/report/json.js';
import { repeatedResult } from '../../bench/report/repeated.js';
import type { JsonResult } from '../../bench/report/schema.js';
import { metricOf } from '../../bench/report/tables.js';
import { terminalReport } from '../../bench/report/terminal.js';
import { runScenario } from '../../bench/run.js';
import { loadScenario } from '../../bench/scenario/load.js';
import type { Scenario } from '../../bench/scenario/model.js';
import { DEFAULT_SCENARIO, scenarioFile, shippedScenarios } from '../../bench/scenario/shipped.js';
import { type BenchOptions, benchOptions } from '../../options/bench.js';
import { resolveOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { formatCount, formatDuration } from '../../protocol/units.js';
import { colorsFor } from '../color.js';
import { type Io, STOP_EXIT_CODES, type StopSignal, UNWRITTEN_EXIT_CODE } from '../io.js';
import { version } from '../version.js';
import { Baseline } from './baseline.js';
import { ProgressScreen } from './progress.js';
import { remoteOptions } from './remote-options.js';
import { ReportFiles } from './report-files.js';

/** Runs, lists or checks scenarios; the exit code. */
export async function bench(
  names: readonly string[],
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(benchOptions, { flags, env: io.env });
  if (options.list) return list(io);
  if (options.url.length > 0 && options.serverCommand !== undefined) {
    throw new DatafnWsError('ERR_INVALID_OPTION', 'Expected --url or --server-command, got both.');
  }
  const scenarios = await load(names.length === 0 ? [DEFAULT_SCENARIO] : names, options);
  if (options.validate) {
    for (const { name, source } of scenarios) io.stdout.write(`${name} is valid (${source})\n`);
    return 0;
  }

  const baseline = await Baseline.read(options, scenarios, io);
  const files = new ReportFiles(options, io);
  const output = files.takeStdout ? 'stderr' : 'stdout';
  const abort = new AbortController();
  let stoppedBy: StopSignal | undefined;
  const dispose = io.onStop((signal) => {
    stoppedBy ??= signal;
    abort.abort();
  });
  const results: JsonResult[] = [];
  let whyNot = 'The run was stopped before it came to it.';
  let areWritten = true;
  try {
    for (const [index, scenario] of scenarios.entries()) {
      if (abort.signal.aborted) break;
      const runs: JsonResult[] = [];
      try {
        await runAll(scenario, options, io, abort.signal, runs);
      } finally {
        const result = options.repeat > 1 && runs.length > 0 ? repeatedResult(runs, options.repeat) : runs[0];
        if (result !== undefined)
          results.push(report(baseline?.compare(result, index) ?? result, io, output));
      }
    }
  } catch (error) {
    whyNot = messageOf(error);
    throw error;
  } finally {
    // Whatever ended it, what there is is reported, and what there is not as well.
    const notRun = scenarios
      .slice(results.length)
      .map(({ name, source }) => ({ name, source, reason: whyNot }));
    areWritten = await files.write(jsonReport(results, notRun));
    dispose();
  }
  if (scenarios.length > 1) {
    io[output].write(`\n${overall(scenarios, results, io)}`);
  }
  return exitCodeOf(results, stoppedBy) || (areWritten ? 0 : UNWRITTEN_EXIT_CODE);
}

/** Reads every scenario before any is run; reports what is wrong with all of them at once. */
async function load(names: readonly string[], { set, seed }: BenchOptions): Promise<Scenario[]> {
  const files = await Promise.all(names.map(scenarioFile));
  const loaded = await Promise.allSettled(files.map((file) => loadScenario(file, { set, seed })));
  const errors = loaded.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const other = errors.find((error) => !(error instanceof DatafnWsError));
  if (other !== undefined) throw other;
  if (errors.length > 0) {
    throw new DatafnWsError(
      'ERR_INVALID_SCENARIO',
      [...new Set(errors.map(({ message }) => message))].join('\n'),
    );
  }
  return loaded.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** Runs a scenario as often as it is to be repeated; each run that there is goes into `runs`. */
async function runAll(
  scenario: Scenario,
  options: BenchOptions,
  io: Io,
  signal: AbortSignal,
  runs: JsonResult[],
): Promise<void> {
  const { repeat } = options;
  while (runs.length < repeat && !signal.aborted) {
    const result = await runOne(scenario, options, io, signal);
    runs.push(result);
    if (repeat === 1) continue;
    const fanout = metricOf(result, 'fanout.p99');
    const latency = fanout === undefined ? '' : `, fan-out latency p99 ${formatDuration(fanout)}`;
    io.stderr.write(`run ${runs.length} of ${repeat}: ${result.verdict}${latency}\n`);
  }
}

async function runOne(
  scenario: Scenario,
  options: BenchOptions,
  io: Io,
  signal: AbortSignal,
): Promise<JsonResult> {
  const screen = new ProgressScreen(io, scenario, options.progress);
  try {
    const run = await runScenario(scenario, {
      urls: options.url,
      serverCommand: options.serverCommand,
      adminUrls: options.adminUrl,
      adminToken: options.adminToken,
      ...(await remoteOptions(options, scenario)),
      workers: options.workers,
      env: io.env,
      signal,
      observer: screen,
    });
    return jsonResult(run, { version, machine: machine() });
  } finally {
    screen.close();
  }
}

/** Prints the report of a scenario. */
function report(result: JsonResult, io: Io, output: 'stdout' | 'stderr'): JsonResult {
  const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
  io[output].write(`\n${terminalReport(result, style)}`);
  return result;
}

async function list(io: Io): Promise<number> {
  const colors = colorsFor(io, 'stdout');
  for (const name of await shippedScenarios()) {
    const { summary, cohorts } = await loadScenario(await scenarioFile(name));
    const clients = cohorts.reduce((total, cohort) => total + cohort.clients, 0);
    io.stdout.write(`${colors.bold(name)} ${colors.dim(`(${formatCount(clients)} clients)`)}
  ${summary}
`);
  }
  return 0;
}

/** Where it ran. */
function machine(): JsonResult['machine'] {
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** One verdict for several scenarios. */
function overall(scenarios: readonly Scenario[], results: readonly JsonResult[], io: Io): string {
  const colors = colorsFor(io, 'stdout');
  const paint = {
    passed: colors.green,
    failed: colors.red,
    regressed: colors.red,
    invalid: colors.magenta,
    aborted: colors.yellow,
  };
  const lines = scenarios.map(({ name }, index) => {
    const result = results[index];
    const verdict = result?.verdict ?? 'aborted';
    return `  ${paint[verdict]((result === undefined ? 'not run' : verdict).padEnd(9))} ${name}\n`;
  });
  const passed = results.filter(({ verdict }) => verdict === 'passed').length;
  return `${colors.bold('Overall')}: ${passed} of ${scenarios.length} scenarios passed\n${lines.join('')}`;
}

/** Of several outcomes, the one that weighs most: interrupted, not valid, failed, worse than the baseline. */
function exitCodeOf(results: readonly JsonResult[], stoppedBy: StopSignal | undefined): number {
  if (stoppedBy !== undefined) return STOP_EXIT_CODES[stoppedBy];
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes('invalid')) return 5;
  if (verdicts.includes('failed')) return 1;
  return verdicts.includes('regressed') ? 4 : 0;
}
