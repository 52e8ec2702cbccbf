import { printable } from '../../protocol/printable.js';
import type { JsonReport } from './schema.js';

/**
 * What went wrong, as workflow commands of GitHub Actions that point at the rule in the scenario file. GitHub finds
 * the file when `pathOf` gives its path from the root of the repository.
 */
export function annotations({ results, notRun }: JsonReport, pathOf: (source: string) => string): string {
  const all = results.flatMap(({ scenario, expectations, invalidReasons, problems, aborted }) => {
    const at = { source: scenario.source, title: `bench ${scenario.name}` };
    const failed = expectations
      .filter(({ passed }) => !passed)
      .map(({ rule, line, shown, phase }) => ({
        line,
        message: `expected ${rule}${phase === undefined ? '' : ` in "${phase}"`}, got ${shown}`,
      }));
    const mishaps = [
      ...(aborted ? ['It was stopped before it was over'] : []),
      ...invalidReasons,
      ...problems,
    ].map((message) => ({ line: 1, message }));
    return [...mishaps, ...failed].map((one) => ({ ...at, ...one }));
  });
  const missing = notRun.map(({ name, source, reason }) => ({
    ...{ source, title: `bench ${name}`, line: 1 },
    message: `It was not run: ${reason}`,
  }));
  return [...all, ...missing]
    .map(
      ({ source, title, line, message }) =>
        `::error file=${property(pathOf(source))},line=${line},title=${property(title)}::${data(message)}\n`,
    )
    .join('');
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
