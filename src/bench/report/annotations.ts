import { printable } from '../../protocol/printable.js';
import { formatAmount } from '../../protocol/units.js';
import { toldChanges } from '../compare/told.js';
import type { JsonReport } from './schema.js';
import { hasFailed } from './tables.js';

/** As many of a kind as GitHub shows of a step; it drops the rest without a word. */
const MAX_OF_A_KIND = 10;

/**
 * What went wrong, as workflow commands of GitHub Actions that point at the rule in the scenario file. GitHub finds
 * the file when `pathOf` gives its path from the root of the repository. Of more than it shows, the last says how many
 * more there are.
 */
export function annotations({ results, notRun }: JsonReport, pathOf: (source: string) => string): string {
  const all = results.flatMap(({ scenario, expectations, invalidReasons, problems, aborted, comparison }) => {
    const at = { level: 'error', source: scenario.source, title: `bench ${scenario.name}` };
    const failed = expectations.filter(hasFailed).map((one) => {
      const { rule, line, shown, notMeasurable } = one;
      const scope =
        one.implicit === true ? ' (implicit)' : one.phase === undefined ? '' : ` in "${one.phase}"`;
      const why = notMeasurable === undefined ? '' : `: ${notMeasurable}`;
      return { line, message: `expected ${rule}${scope}, got ${shown}${why}` };
    });
    const unmeasured = expectations.flatMap(({ rule, line, passed, notMeasurable }) =>
      passed && notMeasurable !== undefined
        ? [{ level: 'notice', line, message: `${rule} is not measurable: ${notMeasurable}` }]
        : [],
    );
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
    return [...mishaps, ...failed, ...worse, ...unmeasured].map((one) => ({ ...at, ...one }));
  });
  const missing = notRun.map(({ name, source, reason }) => ({
    ...{ level: 'error', source, title: `bench ${name}`, line: 1 },
    message: `It was not run: ${reason}`,
  }));
  const lines = [...all, ...missing].map(({ level, source, title, line, message }) => ({
    level,
    text: `::${level} file=${property(pathOf(source))},line=${line},title=${property(title)}::${data(message)}\n`,
  }));
  return ['error', 'warning', 'notice'].flatMap((level) => shownOf(level, lines)).join('');
}

/** The annotations of a level, or the first of them and one that counts the others. */
function shownOf(
  level: string,
  lines: readonly { readonly level: string; readonly text: string }[],
): string[] {
  const texts = lines.filter((one) => one.level === level).map(({ text }) => text);
  if (texts.length <= MAX_OF_A_KIND) return texts;
  const shown = texts.slice(0, MAX_OF_A_KIND - 1);
  const rest = formatAmount(texts.length - shown.length, `more ${level}`);
  return [...shown, `::${level} title=bench::${rest}: see the summary of this job\n`];
}

/**
 * Text for the log of a job, without workflow commands at the beginning of its lines (`::error::`). Those that GitHub
 * takes anywhere in a line (`##[error]`) are escaped by {@link printable}.
 */
export function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1\\u003a');
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
