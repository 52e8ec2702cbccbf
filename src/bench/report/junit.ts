import { printableLines } from '../../protocol/printable.js';
import type { Comparison } from '../compare/comparison.js';
import { summaryText, toldChanges } from '../compare/told.js';
import type { JsonReport, JsonResult } from './schema.js';
import {
  hasFailed,
  otherMessagesOf,
  repeatRowsOf,
  repeatText,
  scopeText,
  standingOf,
  wholeMs,
} from './tables.js';

/**
 * JUnit XML, as CI systems read it: a test suite a scenario, a test case an expectation. What is no expectation
 * (an invalid result, a problem of the server, an abort, a scenario that was not run) is a test case of its own, so
 * that no system shows green for it. Elements and attributes are those that the strictest of the schemas allows, the
 * one by which Jenkins checks what it is given; it has no place for the line of a test case.
 */
export function junitReport({ results, notRun }: JsonReport): string {
  const suites = [...results.map(suiteOf), ...notRun.map(emptySuiteOf)];
  const total = (of: (suite: Suite) => number) => suites.reduce((sum, suite) => sum + of(suite), 0);
  const attributes = {
    name: 'datafn-ws bench',
    tests: total(({ cases }) => cases),
    failures: total(({ failures }) => failures),
    errors: total(({ errors }) => errors),
    time: seconds(results.reduce((sum, result) => sum + wholeMs(result), 0)),
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    element(
      'testsuites',
      attributes,
      suites.map(({ xml }) => xml),
    ),
    '',
  ].join('\n');
}

interface Suite {
  readonly xml: string;
  readonly cases: number;
  readonly failures: number;
  readonly errors: number;
}

function suiteOf(result: JsonResult): Suite {
  const { scenario, expectations } = result;
  const classname = `datafn-ws.${scenario.name}`;
  // A rule is judged on the whole run: each has its share of the time, so that the sum is right.
  const time = seconds(wholeMs(result) / Math.max(1, expectations.length));
  const cases = expectations.map((expectation) => {
    const { rule, passed, shown, line, meaning, notMeasurable, evidence = [] } = expectation;
    const scope = scopeText(expectation);
    const name = scope === undefined ? rule : `${rule} (${scope})`;
    const outcome = isSkipped(expectation)
      ? element(
          'skipped',
          { message: notMeasurable === undefined ? shown : `not measurable: ${notMeasurable}` },
          [],
        )
      : passed
        ? element('system-out', {}, [escapeXml(`got ${shown}`)])
        : element('failure', { message: `${rule}: got ${shown}`, type: 'expectation' }, [
            escapeXml(
              [`${scenario.source}:${line}: expected ${rule}, got ${shown}`, ...evidence, meaning ?? '']
                .join('\n')
                .trim(),
            ),
          ]);
    return element('testcase', { name, classname, time }, [outcome]);
  });
  const mishaps = [
    ...result.invalidReasons.map((why) => ['the result is valid', why] as const),
    ...result.problems.map((why) => ['nothing went wrong with the server', why] as const),
    ...(result.aborted ? [['the run came to its end', 'It was stopped before it was over'] as const] : []),
  ];
  cases.push(...mishaps.map(([name, why]) => errorCase({ name, classname }, why, result.verdict)));
  if (result.comparison !== undefined) cases.push(comparisonCase(result.comparison, classname));
  const regressions = result.comparison?.verdict === 'regressed' ? 1 : 0;
  const failures = expectations.filter(hasFailed).length + regressions;
  const properties: Record<string, string | number> = {
    verdict: result.verdict,
    replay: result.replay,
    seed: scenario.seed,
    'scenario.sha256': scenario.sha256,
    version: result.tool.version,
    node: result.machine.node,
    ...(result.repeat === undefined ? {} : { runs: repeatText(result.repeat) }),
    ...Object.fromEntries(
      result.total.metrics
        .filter(({ cohort, key }) => cohort === undefined && key === undefined)
        .map(({ name, value, unit }) => [`${name} (${unit})`, value]),
    ),
    ...Object.fromEntries(
      repeatRowsOf(result).map(({ metric, low, high }) => [`${metric} of all runs`, `${low} to ${high}`]),
    ),
    ...Object.fromEntries(
      otherMessagesOf(result).map((one, index) => [`messages that are not cursors, ${index + 1}`, one]),
    ),
  };
  const attributes = {
    name: scenario.name,
    tests: cases.length,
    failures,
    errors: mishaps.length,
    skipped: expectations.filter(isSkipped).length,
    time: seconds(wholeMs(result)),
    timestamp: result.startedAt.replace(/\.\d+Z$/, ''),
    file: scenario.source,
  };
  const named = Object.entries(properties).map(([name, value]) => element('property', { name, value }, []));
  return {
    xml: element('testsuite', attributes, [element('properties', {}, named), ...cases]),
    cases: cases.length,
    failures,
    errors: mishaps.length,
  };
}

/** Whether a rule says nothing, and that is no failure. */
function isSkipped(expectation: JsonResult['expectations'][number]): boolean {
  return !hasFailed(expectation) && standingOf(expectation) !== 'held';
}

/** The comparison with a baseline as one test case. */
function comparisonCase(comparison: Comparison, classname: string): string {
  const lines = [
    ...comparison.problems,
    ...comparison.warnings,
    ...toldChanges(comparison).map(
      ({ verdict, metric, base, now, why }) => `${verdict}: ${metric} ${base} -> ${now}, ${why}`,
    ),
  ];
  const summary = summaryText(comparison);
  const text = [escapeXml([summary, ...lines].join('\n'))];
  return element('testcase', { name: 'nothing is worse than in the baseline', classname, time: '0' }, [
    comparison.verdict === 'regressed'
      ? element('failure', { message: summary, type: 'regression' }, text)
      : element('system-out', {}, text),
  ]);
}

/** The suite of a scenario that was not run. */
function emptySuiteOf({ name, source, reason }: JsonReport['notRun'][number]): Suite {
  const attributes = { name, tests: 1, failures: 0, errors: 1, skipped: 0, time: '0', file: source };
  const only = errorCase({ name: 'the scenario was run', classname: `datafn-ws.${name}` }, reason, 'not run');
  return { xml: element('testsuite', attributes, [only]), cases: 1, failures: 0, errors: 1 };
}

function errorCase(
  names: { readonly name: string; readonly classname: string },
  message: string,
  type: string,
): string {
  return element('testcase', { ...names, time: '0' }, [
    element('error', { message, type }, [escapeXml(message)]),
  ]);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly string[],
): string {
  const head = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  if (children.length === 0) return `<${name}${head}/>`;
  const inner = children.join('\n');
  return inner.startsWith('<')
    ? `<${name}${head}>\n${inner}\n</${name}>`
    : `<${name}${head}>${inner}</${name}>`;
}

/** Text for XML 1.0: what has a meaning is escaped, what XML cannot hold, or a reader would obey, is shown. */
function escapeXml(text: string): string {
  return printableLines(text.toWellFormed())
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
