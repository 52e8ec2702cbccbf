import { setTimeout as sleep } from 'node:timers/promises';
import { crashText, type RunResult } from '../../bench/model/result.js';
import { metricOf, overallText } from '../../bench/report/facts.js';
import { withoutCommands } from '../../bench/report/formats/annotations.js';
import { loadRenderers } from '../../bench/report/formats/index.js';
import { type TerminalStyle, terminalReport, verdictLine } from '../../bench/report/formats/terminal.js';
import { jsonReport, jsonResult } from '../../bench/report/json.js';
import { repeatedResult } from '../../bench/report/repeated.js';
import type { JsonReport, JsonResult } from '../../bench/report/schema.js';
import { reportDocument } from '../../bench/report/sections/document.js';
import { runScenario } from '../../bench/run.js';
import { DEFAULT_SCENARIO } from '../../bench/scenario/load.js';
import { traceOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { printable, printableLines } from '../../text/printable.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import { colorsFor } from '../color.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import { Baseline } from './baseline.js';
import { exitCodeOf } from './exit-code.js';
import { checkNeeds } from './flag-needs.js';
import { Interruptions } from './interruptions.js';
import { list } from './list.js';
import type { Live } from './live/live.js';
import { openLive } from './live/open.js';
import { machine } from './machine.js';
import { type BenchFlags, benchFlags } from './options.js';
import { loadAll, type Plan, planAll, plannedTarget } from './plans.js';
import { ProgressScreen } from './progress.js';
import { ReportFiles } from './report-files.js';
import { revisionOf } from './revision.js';

/** Runs, lists or checks scenarios; the exit code. */
export async function bench(
  names: readonly string[],
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const traced = traceOptions(benchFlags, { flags, env: io.env });
  const options = traced.values;
  if (options.list) return list(names, options, io);
  checkNeeds(flags, options);
  const isShard = ['shard', 'startAt', 'slack'].some((flag) => flags[flag] !== undefined);
  const shard = isShard ? (await import('./shard.js')).shardOf(names, flags, options) : undefined;
  const scenarios = await loadAll(names.length === 0 ? [DEFAULT_SCENARIO] : names, options);
  if (options.validate) {
    for (const { name, source } of scenarios)
      io.stdout.write(printableLines(`${name} is valid (${source})\n`));
    return 0;
  }

  const stop = new Interruptions(io);
  let live: Live | undefined;
  try {
    const prepared = Promise.all([
      planAll(scenarios, traced, io, stop.signal, shard),
      Baseline.read(options, scenarios, io),
    ]);
    // The files that are read may be pipes without a word in them.
    const ready = await Promise.race([prepared, stop.atOnce]);
    if (typeof ready === 'number') return ready;
    const [plans, baseline] = ready;
    const files = new ReportFiles(await loadRenderers(), options, io);
    live = await openLive(options, io);
    const reports = new Reports(plans, files, live);
    return await Promise.race([
      runAll(plans, { options, io, stop, baseline, files, reports, live }),
      stop.atOnce,
      stop.crashed.then((error) => reportCrash(error, reports)),
    ]);
  } finally {
    await live?.close();
    stop.dispose();
  }
}

/** How long the run that is under way has to end after a bug, before it is reported without. */
const CRASH_MS = 2000;

/** Has the reports written even if the run does not end; throws the error. */
async function reportCrash(error: unknown, reports: Reports): Promise<never> {
  await sleep(CRASH_MS, undefined, { ref: false });
  await reports.write(crashText(error));
  throw error;
}

interface Surroundings {
  readonly options: BenchFlags;
  readonly io: Io;
  readonly stop: Interruptions;
  readonly baseline: Baseline | undefined;
  readonly files: ReportFiles;
  readonly reports: Reports;
  readonly live: Live | undefined;
}

/** What has come of the scenarios so far, and the reports of it, which are written once. */
class Reports {
  readonly results: JsonResult[] = [];
  #written: Promise<boolean> | undefined;

  constructor(
    private readonly plans: readonly Plan[],
    private readonly files: ReportFiles,
    private readonly live: Live | undefined,
  ) {}

  /**
   * Writes every report.
   *
   * @param whyNot why the scenarios that have no result were not run.
   * @returns whether every file that was asked for is there.
   */
  write(whyNot: string): Promise<boolean> {
    this.#written ??= this.#write(this.whole(whyNot));
    return this.#written;
  }

  async #write(report: JsonReport): Promise<boolean> {
    const areWritten = await this.files.write(report);
    await this.live?.finish(report);
    return areWritten;
  }

  /** The report of all scenarios, with why the others were not run. */
  whole(whyNot: string): JsonReport {
    const notRun = this.plans
      .slice(this.results.length)
      .map(({ scenario: { name, source } }) => ({ name, source, reason: whyNot }));
    return jsonReport(this.results, notRun);
  }
}

/** Runs scenarios one after the other, and reports them; the exit code. */
async function runAll(
  plans: readonly Plan[],
  { options, io, stop, baseline, files, reports, live }: Surroundings,
): Promise<number> {
  const output = files.takeStdout ? 'stderr' : 'stdout';
  const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
  const print = (text: string) =>
    io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(text) : text);
  const { results } = reports;
  let whyNot = 'The run was stopped before this scenario began.';
  let areWritten = true;
  try {
    for (const [index, plan] of plans.entries()) {
      if (stop.signal.aborted) break;
      const runs: JsonResult[] = [];
      try {
        const position = plans.length === 1 ? [] : [`scenario ${index + 1} of ${plans.length}`];
        await runRepeatedly(plan, options, io, runs, live && { live, position });
      } finally {
        const result = options.repeat > 1 && runs.length > 0 ? repeatedResult(runs, options.repeat) : runs[0];
        if (result !== undefined) {
          results[index] = result;
          const compared = baseline?.compare(result, index) ?? result;
          results[index] = compared;
          const document = reportDocument(compared);
          print(`\n${terminalReport(document, style)}`);
          if (plans.length > 1) print(`\n${verdictLine(document, style)}`);
        }
      }
    }
  } catch (error) {
    // Nothing waits for this server any more, so why it did not start does not matter.
    if (!stop.signal.aborted || !(error instanceof DatafnWsError)) {
      whyNot = error instanceof DatafnWsError ? messageOf(error) : crashText(error);
      throw error;
    }
  } finally {
    if (stop.crash !== undefined) whyNot = crashText(stop.crash.error);
    // Whatever ended it, what there is is reported, and what there is not as well.
    areWritten = await reports.write(whyNot);
  }
  if (stop.crash !== undefined) throw stop.crash.error;
  // Last of all, so that a terminal ends with it.
  const [only] = plans.length === 1 ? results : [];
  print(
    `\n${only === undefined ? overall(reports.whole(whyNot), style) : verdictLine(reportDocument(only), style)}`,
  );
  return exitCodeOf(results, stop.by) || (areWritten ? 0 : EXIT.unwritten.code);
}

/** Where a run is shown, and which of several scenarios it is. */
type Watched = { readonly live: Live; readonly position: readonly string[] } | undefined;

/** Runs a scenario as often as it is to be repeated; each run that there is goes into `runs`. */
async function runRepeatedly(
  plan: Plan,
  options: BenchFlags,
  io: Io,
  runs: JsonResult[],
  watched: Watched,
): Promise<void> {
  const revision = revisionOf(options, io);
  const { repeat, progress } = options;
  while (runs.length < repeat && !plan.options.signal.aborted) {
    const run = repeat === 1 ? [] : [`run ${runs.length + 1} of ${repeat}`];
    const position = [...(watched?.position ?? []), ...run];
    const { result, crash } = await runOne(plan, progress, io, revision, watched && { ...watched, position });
    runs.push(result);
    watched?.live.ended(result, position.join(', '));
    if (crash !== undefined) throw crash.error;
    if (repeat === 1) continue;
    const fanout = metricOf(result, 'fanout.p99');
    const latency = fanout === undefined ? '' : `, fan-out latency p99 ${formatDuration(fanout)}`;
    io.stderr.write(`run ${runs.length} of ${repeat}: ${result.verdict}${latency}\n`);
  }
}

async function runOne(
  { scenario, options }: Plan,
  progress: boolean | undefined,
  io: Io,
  revision: Promise<string | undefined>,
  watched: Watched,
): Promise<{ readonly result: JsonResult; readonly crash: RunResult['crash'] }> {
  const screen = new ProgressScreen(io, scenario, progress);
  try {
    const about = { scenario, target: plannedTarget(options), position: watched?.position.join(', ') ?? '' };
    const observer = watched?.live.show(about, screen) ?? screen;
    const run = await runScenario(scenario, { ...options, observer });
    const context = { version, machine: machine(), revision: await revision };
    return { result: jsonResult(run, context), crash: run.crash };
  } finally {
    screen.close();
  }
}

/** Of several scenarios, the verdict of each, then their sum. */
function overall(whole: JsonReport, style: TerminalStyle): string {
  const lines = [
    ...whole.results.map((result) => verdictLine(reportDocument(result), style)),
    ...whole.notRun.map(
      ({ name }) => `${style.colors.yellow.bold('NOT RUN')} ${style.colors.bold(printable(name))}\n`,
    ),
  ];
  const many = formatAmount(whole.results.length + whole.notRun.length, 'scenario');
  const sum = { verdict: whole.verdict, name: many, sentence: overallText(whole) };
  return `${style.colors.bold('Overall')}\n${lines.map((line) => `  ${line}`).join('')}${verdictLine(sum, style)}`;
}
