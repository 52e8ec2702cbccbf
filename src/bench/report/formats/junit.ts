import { printableLines } from '../../../text/printable.js';

import { repeatText, wholeMs } from '../facts.js';
import type { JsonReport, JsonResult } from '../schema.js';
import { otherMessagesOf } from '../sections/connections.js';
import { type Check, checksOf, notRunCheck } from '../sections/document.js';
import { repeatRowsOf } from '../sections/timings.js';

/**
 * JUnit XML, as CI systems read it: a test suite a scenario, a test case a check. Elements and attributes are those
 * that the strictest of the schemas allows, the one of Jenkins; it has no place for the line of a test case.
 */
export function junitReport({ results, notRun }: JsonReport): string {
  const suites = [...results.map(suiteOf), ...notRun.map(emptySuiteOf)];
  const checks = suites.flatMap((suite) => suite.checks);
  const time = results.reduce((sum, result) => sum + wholeMs(result), 0);
  const { tests, failures, errors } = countsOf(checks);
  const attributes = { name: 'datafn-ws bench', tests, failures, errors, time: seconds(time) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, suites.map(suiteXml))}\n`;
}

interface Suite {
  readonly name: string;
  readonly source: string;
  readonly checks: readonly Check[];
  readonly ms: number;
  readonly startedAt?: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

function suiteOf(result: JsonResult): Suite {
  const { scenario, startedAt } = result;
  const properties = {
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
  const { name, source } = scenario;
  return { name, source, checks: checksOf(result), ms: wholeMs(result), startedAt, properties };
}

function emptySuiteOf(one: JsonReport['notRun'][number]): Suite {
  return { name: one.name, source: one.source, checks: [notRunCheck(one)], ms: 0, properties: {} };
}

function suiteXml({ name, source, checks, ms, startedAt, properties }: Suite): string {
  // A rule is judged on the whole run: each has its share of the time, so that the sum is right.
  const share = ms / Math.max(1, checks.filter(({ line }) => line !== undefined).length);
  const attributes = {
    ...{ name, ...countsOf(checks), skipped: count(checks, 'skipped'), time: seconds(ms) },
    ...(startedAt === undefined ? {} : { timestamp: startedAt.replace(/\.\d+Z$/, '') }),
    file: source,
  };
  const named = Object.entries(properties).map(([key, value]) =>
    element('property', { name: key, value }, []),
  );
  const cases = checks.map((check) => {
    const time = seconds(check.line === undefined ? 0 : share);
    const at = check.line === undefined ? '' : `${source}:${check.line}: `;
    return element('testcase', { name: check.name, classname: `datafn-ws.${name}`, time }, [
      outcomeXml(check, at),
    ]);
  });
  return element('testsuite', attributes, [
    ...(named.length === 0 ? [] : [element('properties', {}, named)]),
    ...cases,
  ]);
}

function outcomeXml({ outcome, type, message, details }: Check, at: string): string {
  const text = [escaped([`${at}${message}`, ...details].join('\n'))];
  switch (outcome) {
    case 'passed':
      return element('system-out', {}, [escaped([message, ...details].join('\n'))]);
    case 'skipped':
      return element('skipped', { message }, []);
    case 'failed':
      return element('failure', { message, type }, text);
    case 'error':
      return element('error', { message, type }, text);
  }
}

function countsOf(checks: readonly Check[]) {
  return { tests: checks.length, failures: count(checks, 'failed'), errors: count(checks, 'error') };
}

function count(checks: readonly Check[], outcome: Check['outcome']): number {
  return checks.filter((check) => check.outcome === outcome).length;
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
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
    .join('');
  if (children.length === 0) return `<${name}${head}/>`;
  const inner = children.join('\n');
  return inner.startsWith('<')
    ? `<${name}${head}>\n${inner}\n</${name}>`
    : `<${name}${head}>${inner}</${name}>`;
}

/** Text for XML 1.0: characters with a meaning are escaped, those that XML cannot hold are replaced. */
function escaped(text: string): string {
  return printableLines(text.toWellFormed())
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
