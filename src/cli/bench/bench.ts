import { availableParallelism, cpus, totalmem } from 'node:os';
import { jsonReport, jsonResult } from '../../bench/report/json.js';
import type { JsonResult } from '../../bench/report/schema.js';
import { terminalReport } from '../../bench/report/terminal.js';
import { runScenario } from '../../bench/run.js';
import { loadScenario } from '../../bench/scenario/load.js';
import type { Scenario } from '../../bench/scenario/model.js';
import { DEFAULT_SCENARIO, scenarioFile, shippedScenarios } from '../../bench/scenario/shipped.js';
import { type BenchOptions, benchOptions } from '../../options/bench.js';
import { resolveOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { formatCount } from '../../protocol/units.js';
import { colorsFor } from '../color.js';
import { type Io, STOP_EXIT_CODES, type StopSignal, UNWRITTEN_EXIT_CODE } from '../io.js';
import { version } from '../version.js';
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

  const files = new ReportFiles(options, io);
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
    for (const scenario of scenarios) {
      if (abort.signal.aborted) break;
      results.push(await runOne(scenario, options, io, abort.signal, files.takeStdout ? 'stderr' : 'stdout'));
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
    io[files.takeStdout ? 'stderr' : 'stdout'].write(`\n${overall(scenarios, results, io)}`);
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

async function runOne(
  scenario: Scenario,
  options: BenchOptions,
  io: Io,
  signal: AbortSignal,
  output: 'stdout' | 'stderr',
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
    screen.close();
    const result = jsonResult(run, { version, machine: machine() });
    const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
    io[output].write(`\n${terminalReport(result, style)}`);
    return result;
  } finally {
    screen.close();
  }
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
  const paint = { passed: colors.green, failed: colors.red, invalid: colors.magenta, aborted: colors.yellow };
  const lines = scenarios.map(({ name }, index) => {
    const result = results[index];
    const verdict = result?.verdict ?? 'aborted';
    return `  ${paint[verdict]((result === undefined ? 'not run' : verdict).padEnd(8))} ${name}\n`;
  });
  const passed = results.filter(({ verdict }) => verdict === 'passed').length;
  return `${colors.bold('Overall')}: ${passed} of ${scenarios.length} scenarios passed\n${lines.join('')}`;
}

/** Of several outcomes, the one that weighs most: interrupted, then not valid, then failed. */
function exitCodeOf(results: readonly JsonResult[], stoppedBy: StopSignal | undefined): number {
  if (stoppedBy !== undefined) return STOP_EXIT_CODES[stoppedBy];
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes('invalid')) return 5;
  return verdicts.includes('failed') ? 1 : 0;
}
