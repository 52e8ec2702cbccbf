import { type ComparedMetric, type ComparedResult, machineText } from '../compare/comparison.js';
import { METRICS } from '../verdict/metrics.js';
import { findSteps } from './steps.js';

/** A report, by the name of its file. */
export interface NamedReport {
  readonly file: string;
  readonly results: readonly ComparedResult[];
}

/** A run of a scenario, a point of every series. */
export interface HistoryRun {
  readonly file: string;
  readonly startedAt: string;
  readonly revision?: string;
  readonly verdict: ComparedResult['verdict'];
}

export interface HistoryStep {
  /** Index into the runs: the first one on the new level. */
  readonly run: number;
  /** Medians of the level before and of the new one. */
  readonly before: number;
  readonly after: number;
  /** A metric of which neither more nor less is better just changed. */
  readonly verdict: 'worse' | 'better' | 'changed';
  /** What else is different between the two runs around the step. */
  readonly alsoChanged: readonly string[];
}

export interface HistorySeries {
  readonly name: string;
  readonly unit: ComparedMetric['unit'];
  /** A value a run; `null` for a run without samples. */
  readonly values: readonly (number | null)[];
  readonly steps: readonly HistoryStep[];
}

/** All runs of a scenario. */
export interface ScenarioHistory {
  readonly scenario: string;
  readonly runs: readonly HistoryRun[];
  /** Of all cohorts together, those with a step first. */
  readonly series: readonly HistorySeries[];
  /** Files whose run was stopped early or was not valid. */
  readonly leftOut: readonly string[];
}

/** Puts the runs of each scenario in the order of their time, and finds the steps in every metric that is compared. */
export function historiesOf(reports: readonly NamedReport[]): ScenarioHistory[] {
  const all = reports.flatMap(({ file, results }) => results.map((result) => ({ file, result })));
  const names = [...new Set(all.map(({ result }) => result.scenario.name))].sort();
  return names.map((scenario) => {
    const mine = all
      .filter(({ result }) => result.scenario.name === scenario)
      .sort((a, b) => a.result.startedAt.localeCompare(b.result.startedAt));
    const isOver = ({ result: { verdict } }: (typeof all)[number]) =>
      verdict !== 'aborted' && verdict !== 'invalid';
    const runs = mine.filter(isOver);
    const results = runs.map(({ result }) => result);
    return {
      scenario,
      runs: runs.map(({ file, result: { startedAt, revision, verdict } }) => ({
        file,
        startedAt,
        ...(revision === undefined ? {} : { revision }),
        verdict,
      })),
      series: seriesOf(results).sort((a, b) => b.steps.length - a.steps.length),
      leftOut: mine.filter((one) => !isOver(one)).map(({ file }) => file),
    };
  });
}

function seriesOf(results: readonly ComparedResult[]): HistorySeries[] {
  return Object.entries(METRICS).flatMap(([name, { compared }]) => {
    if (compared.as === 'nothing') return [];
    const found = results.map(({ total }) =>
      total.metrics.find((one) => one.name === name && one.cohort === undefined && one.key === undefined),
    );
    const unit = found.find((one) => one !== undefined)?.unit;
    const values = found.map((one) => one?.value ?? null);
    if (unit === undefined || values.every((value) => value === null || value === 0)) return [];
    return [{ name, unit, values, steps: stepsOf(name, values, results) }];
  });
}

function stepsOf(
  name: string,
  values: readonly (number | null)[],
  results: readonly ComparedResult[],
): HistoryStep[] {
  const measured = values.flatMap((value, run) => (value === null ? [] : [{ value, run }]));
  const steps = findSteps(
    measured.map(({ value }) => value),
    (before, after) => isOfInterest(name, before, after),
  );
  return steps.map(({ at, before, after }) => {
    const run = measured[at]?.run as number;
    const last = measured[at - 1]?.run as number;
    return {
      run,
      before,
      after,
      verdict: verdictOf(name, before, after),
      alsoChanged: differences(results[last] as ComparedResult, results[run] as ComparedResult),
    };
  });
}

/** As `compare` has it: a duration, size or rate by more than a fifth and an amount; a count by anything. */
function isOfInterest(name: string, before: number, after: number): boolean {
  const compared = METRICS[name]?.compared;
  const by = Math.abs(after - before);
  if (compared?.as !== 'cost' && compared?.as !== 'gain') return by > 0;
  return by > compared.amount && by > compared.share * Math.abs(before);
}

function verdictOf(name: string, before: number, after: number): HistoryStep['verdict'] {
  const as = METRICS[name]?.compared.as;
  if (as === 'outcome') return 'changed';
  return after > before === (as === 'gain') ? 'better' : 'worse';
}

/** What may be the cause instead of the revision. */
function differences(last: ComparedResult, next: ComparedResult): string[] {
  return [
    last.scenario.sha256 === next.scenario.sha256 ? [] : ['the scenario'],
    machineText(last) === machineText(next) ? [] : ['the machine'],
    last.tool.version === next.tool.version ? [] : ['the version of datafn-ws'],
    last.target.isOwn === next.target.isOwn ? [] : ['the server that was tested'],
  ].flat();
}
