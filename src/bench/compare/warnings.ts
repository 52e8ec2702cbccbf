import { cohortsOf } from './pair.js';
import type { ComparedResult } from './result-file.js';

/** Share of a second. */
const BUSY = 0.5;

/** What makes two results less comparable than two runs of the same scenario in the same place. */
export function warningsOf(base: ComparedResult, next: ComparedResult): string[] {
  return [
    scenarioWarning(base.scenario, next.scenario),
    cohortWarning('Only the baseline has', base, next),
    cohortWarning('The baseline lacks', next, base),
    base.target.isOwn === next.target.isOwn
      ? undefined
      : `The server is another: ${serverText(base)} then, ${serverText(next)} now.`,
    machineText(base) === machineText(next)
      ? undefined
      : `The machine is another (${machineText(base)} then, ${machineText(next)} now): that alone may change durations.`,
    isMachineBusy(base) || isMachineBusy(next)
      ? `The machine was busy (a worker waited for a core up to ${percent(waitOf(base))} of a second in the baseline, ${percent(waitOf(next))} now): durations, sizes and rates that differ are notes.`
      : undefined,
    base.verdict === 'failed' ? 'The baseline is a run that failed.' : undefined,
  ].filter((warning) => warning !== undefined);
}

/**
 * Whether the load generator had to wait for a core for most of some second. Then the server had to as well, and how
 * long things took says more of the machine than of the server.
 */
export function isMachineBusy(result: ComparedResult): boolean {
  return waitOf(result) > BUSY;
}

/** The greatest share of a second that a worker waited for a core. */
function waitOf({ generator }: ComparedResult): number {
  return Math.max(0, ...generator.map(({ maxRunQueueWait = 0 }) => maxRunQueueWait));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function scenarioWarning(
  base: ComparedResult['scenario'],
  next: ComparedResult['scenario'],
): string | undefined {
  if (base.sha256 === next.sha256) return undefined;
  const [then, now] = [setText(base), setText(next)];
  const what = then === now ? 'its file has changed' : `with ${then} then, ${now} now`;
  return `The scenario is another than in the baseline (${what}): another count of connections is a note, no regression.`;
}

function setText({ overrides }: ComparedResult['scenario']): string {
  return overrides.length === 0 ? 'no --set' : overrides.map((one) => `--set ${one}`).join(' ');
}

function cohortWarning(what: string, one: ComparedResult, other: ComparedResult): string | undefined {
  const only = cohortsOf(one).filter((cohort) => !cohortsOf(other).includes(cohort));
  return only.length === 0
    ? undefined
    : `${what} the ${only.length === 1 ? 'cohort' : 'cohorts'} ${only.join(', ')}.`;
}

function serverText({ target }: ComparedResult): string {
  return target.isOwn ? 'one that bench started' : 'one by its URL';
}

function machineText({ machine: { node, platform, arch, cores } }: ComparedResult): string {
  return `${cores} cores, ${platform} ${arch}, Node.js ${node}`;
}
