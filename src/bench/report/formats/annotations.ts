import { printable } from '../../../text/printable.js';
import { formatAmount } from '../../../text/units.js';
import type { JsonReport, JsonResult } from '../schema.js';
import { changesOf } from '../sections/comparison.js';
import { type Check, checksOf, notRunCheck } from '../sections/document.js';

/** How many of a kind GitHub shows per step; it drops the rest silently. */
const MAX_OF_A_KIND = 10;

type Level = 'error' | 'warning' | 'notice';
interface Annotation {
  readonly level: Level;
  readonly message: string;
  readonly line?: number | undefined;
}

/**
 * What went wrong, as workflow commands of GitHub Actions that point at the rule in the scenario file. If there are
 * more than GitHub shows, the last one counts the rest.
 *
 * @param pathOf the path of a scenario file from the root of the repository.
 */
export function annotations({ results, notRun }: JsonReport, pathOf: (source: string) => string): string {
  const all = [
    ...results.map((result) => ({ ...result.scenario, found: annotationsOf(result) })),
    ...notRun.map((one) => ({ ...one, found: [annotationOf(notRunCheck(one))].flat() })),
  ];
  const lines = all.flatMap(({ name, source, found }) =>
    found.map(({ level, message, line = 1 }) => ({
      level,
      text: `::${level} file=${property(pathOf(source))},line=${line},title=${property(`bench ${name}`)}::${data(message)}\n`,
    })),
  );
  const levels: Level[] = ['error', 'warning', 'notice'];
  return levels
    .flatMap((level) => {
      const texts = lines.filter((one) => one.level === level).map(({ text }) => text);
      if (texts.length <= MAX_OF_A_KIND) return texts;
      const shown = texts.slice(0, MAX_OF_A_KIND - 1);
      const rest = formatAmount(texts.length - shown.length, `more ${level}`);
      return [...shown, `::${level} title=bench::${rest}: see the summary of this job\n`];
    })
    .join('');
}

function annotationsOf(result: JsonResult): Annotation[] {
  const checks = checksOf(result).filter(({ type }) => type !== 'regression');
  const changes = result.comparison === undefined ? [] : changesOf(result.comparison);
  const ofKind = (...outcomes: readonly Check['outcome'][]) =>
    checks.filter(({ outcome }) => outcomes.includes(outcome)).flatMap(annotationOf);
  return [
    ...ofKind('error'),
    ...ofKind('failed'),
    ...changes.flatMap(({ verdict, subject, value, why }): Annotation[] =>
      verdict === 'regression' || verdict === 'warning'
        ? [
            {
              level: verdict === 'regression' ? 'error' : 'warning',
              message: `${verdict} against the baseline: ${subject} ${value.text}, ${why}`,
            },
          ]
        : [],
    ),
    ...ofKind('skipped'),
  ];
}

function annotationOf({ outcome, name, message, line }: Check): Annotation[] {
  if (outcome !== 'skipped') return [{ level: 'error', message, line }];
  return message.startsWith('not measurable')
    ? [{ level: 'notice', message: `${name} is ${message}`, line }]
    : [];
}

/**
 * Text for the log of a job, without workflow commands at the beginning of its lines (`::error::`). Those that GitHub
 * takes anywhere in a line (`##[error]`) are escaped by {@link printable}.
 */
export function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1\\u003a');
}

/** The message of a workflow command, escaped as GitHub documents it. */
function data(text: string): string {
  const lines = text.replaceAll('%', '%25').split(/\r\n|\r|\n/);
  return lines.map(printable).join('%0A');
}

/** A property of a workflow command. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
