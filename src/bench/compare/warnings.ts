import { cohortsOf } from './pair.js';
import type { ComparedResult } from './result-file.js';

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
    base.verdict === 'failed' ? 'The baseline is a run that failed.' : undefined,
  ].filter((warning) => warning !== undefined);
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
