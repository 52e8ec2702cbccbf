import { printable } from '../../protocol/printable.js';
import { toldChanges } from '../compare/told.js';
import type { JsonReport } from './schema.js';
import { standingOf } from './tables.js';

/**
 * What went wrong, as workflow commands of GitHub Actions that point at the rule in the scenario file. GitHub finds
 * the file when `pathOf` gives its path from the root of the repository.
 */
export function annotations({ results, notRun }: JsonReport, pathOf: (source: string) => string): string {
  const all = results.flatMap(({ scenario, expectations, invalidReasons, problems, aborted, comparison }) => {
    const at = { level: 'error', source: scenario.source, title: `bench ${scenario.name}` };
    const failed = expectations
      .filter((one) => standingOf(one) === 'failed')
      .map(({ rule, line, shown, phase, implicit }) => {
        const scope = implicit === true ? ' (implicit)' : phase === undefined ? '' : ` in "${phase}"`;
        return { line, message: `expected ${rule}${scope}, got ${shown}` };
      });
    const mishaps = [
      ...(aborted ? ['It was stopped before it was over'] : []),
      ...invalidReasons,
      ...problems,
    ].map((message) => ({ line: 1, message }));
    const changes = comparison === undefined ? [] : toldChanges(comparison);
    const worse = changes
      .filter(({ verdict }) => verdict === 'regression' || verdict === 'warning')
      .map(({ verdict, metric, base, now, why }) => ({
        level: verdict === 'regression' ? 'error' : 'warning',
        line: 1,
        message: `${verdict} against the baseline: ${metric} ${base} -> ${now}, ${why}`,
      }));
    return [...mishaps, ...failed, ...worse].map((one) => ({ ...at, ...one }));
  });
  const missing = notRun.map(({ name, source, reason }) => ({
    ...{ level: 'error', source, title: `bench ${name}`, line: 1 },
    message: `It was not run: ${reason}`,
  }));
  return [...all, ...missing]
    .map(
      ({ level, source, title, line, message }) =>
        `::${level} file=${property(pathOf(source))},line=${line},title=${property(title)}::${data(message)}\n`,
    )
    .join('');
}

/**
 * Text for the log of a job: no line of it is a workflow command, whoever it is from. GitHub takes `::` at the
 * beginning of a line for one, and `##[` anywhere.
 */
export function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1:\u200b').replace(/##(?=\[)/g, '#\u200b#');
}

/** The message of a workflow command, escaped as GitHub documents it; its lines stay, its escapes are shown. */
function data(text: string): string {
  const lines = text.replaceAll('%', '%25').split(/\r\n|\r|\n/);
  return lines.map(printable).join('%0A');
}

/** A property of a workflow command. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
