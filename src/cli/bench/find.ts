import { setTimeout as sleep } from 'node:timers/promises';
import { findLimit, type Run } from '../../bench/find/find.js';
import { Loads } from '../../bench/find/loads.js';
import type { FindPlan } from '../../bench/find/plan.js';
import { loadText, QUANTITIES } from '../../bench/model/quantity.js';
import { crashText, type RunResult } from '../../bench/model/result.js';
import type { Scenario } from '../../bench/model/scenario.js';
import { planRun } from '../../bench/plan-run.js';
import { withoutCommands } from '../../bench/report/formats/annotations.js';
import { loadRenderers } from '../../bench/report/formats/index.js';
import { terminalReport, verdictLine } from '../../bench/report/formats/terminal.js';
import { jsonReport, jsonResult } from '../../bench/report/json.js';
import type { JsonResult } from '../../bench/report/schema.js';
import { reportDocument } from '../../bench/report/sections/document.js';
import { runScenario } from '../../bench/run.js';
import { parseScenario, rawScenario, readScenario, scenarioFile } from '../../bench/scenario/load.js';
import { fitToTarget } from '../../bench/target/fit.js';
import { parseRule } from '../../bench/verdict/rule.js';
import type { GivenLoad } from '../../options/find.js';
import { flagOf, traceOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { shellWord } from '../../text/shell.js';
import { colorsFor } from '../color.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import { Baseline } from './baseline.js';
import { exitCodeOf } from './exit-code.js';
import { type FindFlags, findFlags } from './find-flags.js';
import { FindScreen } from './find-screen.js';
import { checkNeeds } from './flag-needs.js';
import { Interruptions } from './interruptions.js';
import type { Live } from './live/live.js';
import { openLive } from './live/open.js';
import { machine } from './machine.js';
import { type Plan, planAll, plannedTarget } from './plans.js';
import { ReportFiles } from './report-files.js';

/** Time that a server which bench does not start has between two runs, to get over the one before. */
const REST_MS = 1000;

/** Searches for the limit of a server; the exit code. */
export async function find(name: string | undefined, flags: Record<string, string>, io: Io): Promise<number> {
  const traced = traceOptions(findFlags, { flags, env: io.env });
  const options = traced.values;
  checkNeeds(flags, options);
  checkLoads(options);
  const file = await scenarioFile(name ?? QUANTITIES[options.of].scenario);
  const text = await readScenario(file);
  const base = parseScenario(text, file, options);
  checkRules(options.until, base);
  const rules = options.until.length === 0 ? undefined : options.until;
  const loads = new Loads(options.of, rawScenario(text, options.set), base, rules);
  const scenarioAt = (load: number) =>
    parseScenario(text, file, { ...options, set: [...options.set, ...loads.at(load)] });

  const plan: FindPlan = {
    of: options.of,
    from: options.from?.value ?? Math.min(QUANTITIES[options.of].from, options.to?.value ?? Infinity),
    to: options.to?.value,
    precision: options.precision,
    rules: rules ?? loads.defaultRules,
    atLeast: options.atLeast?.value,
  };
  const stop = new Interruptions(io);
  let live: Live | undefined;
  try {
    // Whatever is wrong with the flags is known before anything is run.
    const [first] = (await planAll([scenarioAt(plan.from)], traced, io, stop.signal)) as [Plan];
    const baseline = await Baseline.read(options, [base], io, { of: options.of });
    const files = new ReportFiles(await loadRenderers(), options, io);
    live = await openLive(options, io);
    const screen = new FindScreen(io, base.name, plan, options.progress);
    const search = new LimitSearch(plan, base, first, screen, scenarioAt, `${replay(options)}`, live);
    const surroundings = { io, stop, files, baseline, live };
    try {
      return await Promise.race([
        search.carryOut(stop.signal).then((found) => report(found, search, surroundings)),
        stop.atOnce,
      ]);
    } finally {
      screen.close();
      await live?.close();
    }
  } finally {
    stop.dispose();
  }
}

/** Runs the scenario at one load after the other. */
class LimitSearch {
  /** An unexpected error, which ended it. */
  crash: RunResult['crash'];
  /** An error that kept the first run from beginning. */
  failure: DatafnWsError | undefined;
  #runs = 0;

  constructor(
    private readonly plan: FindPlan,
    readonly base: Scenario,
    private readonly first: Plan,
    private readonly screen: FindScreen,
    private readonly scenarioAt: (load: number) => Scenario,
    private readonly replay: string,
    private readonly live: Live | undefined,
  ) {}

  carryOut(signal: AbortSignal): Promise<JsonResult | undefined> {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const runAt = async (load: number): Promise<Run> => {
      const run = await this.#runAt(load, signal);
      if (this.crash !== undefined) ended.abort();
      return run;
    };
    return findLimit(this.plan, runAt, this.screen, either).catch((error: unknown) => {
      if (error !== this.failure) throw error;
      return undefined;
    });
  }

  async #runAt(load: number, signal: AbortSignal): Promise<Run> {
    const { options } = this.first;
    this.#runs += 1;
    if (this.#runs > 1 && options.urls.length > 0)
      await sleep(REST_MS, undefined, { signal }).catch(() => {});
    const scenario = fitToTarget(this.scenarioAt(load), options);
    try {
      planRun(scenario, options);
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
      return { tooMuch: error.message };
    }
    try {
      // A signal of its own: each run listens to it, and a search has many.
      const own = { ...options, signal: AbortSignal.any([signal]) };
      const position = `run ${this.#runs}: ${loadText(load, this.plan.of)}`;
      const about = { scenario, target: plannedTarget(options), position };
      const observer = this.live?.show(about, this.screen) ?? this.screen;
      const run = await runScenario(scenario, { ...own, observer });
      this.crash = run.crash;
      const result = this.#resultOf(run);
      this.live?.ended(result, position);
      return { result };
    } catch (error) {
      if (!(error instanceof DatafnWsError)) throw error;
      if (this.#runs > 1 || signal.aborted) return { gone: error.message };
      this.failure = error;
      throw error;
    }
  }

  /** What the search itself has changed is no change of the user's. */
  #resultOf(run: RunResult): JsonResult {
    const { overrides, changes, sha256 } = this.base;
    const result = jsonResult(
      { ...run, scenario: { ...run.scenario, overrides, changes, sha256 } },
      { version, machine: machine() },
    );
    const again = result.replay.replace(/^npx datafn-ws bench /, 'npx datafn-ws bench find ');
    return { ...result, replay: [again, this.replay].join(' ') };
  }
}

async function report(
  found: JsonResult | undefined,
  { base: { name, source }, crash, failure }: LimitSearch,
  surroundings: {
    readonly io: Io;
    readonly stop: Interruptions;
    readonly files: ReportFiles;
    readonly baseline: Baseline | undefined;
    readonly live: Live | undefined;
  },
): Promise<number> {
  const { io, stop, files, baseline, live } = surroundings;
  const error = stop.crash ?? crash;
  const result = found === undefined ? undefined : (baseline?.compare(found, 0) ?? found);
  const reason =
    error !== undefined
      ? crashText(error.error)
      : failure !== undefined
        ? messageOf(failure)
        : 'The search was stopped before its first run had ended.';
  const whole = result === undefined ? jsonReport([], [{ name, source, reason }]) : jsonReport([result], []);
  const areWritten = await files.write(whole);
  await live?.finish(whole);
  if (error !== undefined) throw error.error;
  if (failure !== undefined) throw failure;
  const output = files.takeStdout ? 'stderr' : 'stdout';
  if (result !== undefined) {
    const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
    const document = reportDocument(result);
    const shown = `\n${terminalReport(document, style)}\n${verdictLine(document, style)}`;
    io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(shown) : shown);
  }
  const results = result === undefined ? [] : [result];
  return exitCodeOf(results, stop.by) || (areWritten ? 0 : EXIT.unwritten.code);
}

/** @throws {DatafnWsError} `ERR_INVALID_OPTION` for loads that contradict each other. */
function checkLoads({ of, from, to, atLeast }: FindFlags): void {
  const given: Record<string, GivenLoad | undefined> = { from, to, atLeast };
  const problems = Object.entries(given).flatMap(([key, load]) =>
    of === 'clients' && load?.isRate
      ? [`Expected --${flagOf(key)} to be a number of clients, got ${load.value}/s: --of is clients.`]
      : [],
  );
  if (to !== undefined && from !== undefined && to.value < from.value)
    problems.push(`Expected --to to be at least --from, ${from.value}, got ${to.value}.`);
  if (to !== undefined && atLeast !== undefined && to.value < atLeast.value)
    problems.push(`Expected --to to be at least --at-least, ${atLeast.value}, got ${to.value}.`);
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
}

/** @throws {DatafnWsError} `ERR_INVALID_OPTION` that lists every invalid rule. */
function checkRules(rules: readonly string[], { cohorts }: Scenario): void {
  const names = cohorts.map(({ name }) => name);
  const problems = rules.flatMap((text) => {
    const rule = parseRule(text, names);
    return typeof rule === 'string' ? [`--until ${describe(text)}: ${rule}`] : [];
  });
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
}

/** The flags of the search, ready for a shell. */
function replay({ of, from, to, until, precision, atLeast }: FindFlags): string {
  return [
    `--of ${of}`,
    ...(from === undefined ? [] : [`--from ${from.value}`]),
    ...(to === undefined ? [] : [`--to ${to.value}`]),
    ...until.map((rule) => `--until ${shellWord(rule)}`),
    ...(precision === findFlags.precision.default ? [] : [`--precision ${precision * 100}%`]),
    ...(atLeast === undefined ? [] : [`--at-least ${atLeast.value}`]),
  ].join(' ');
}
