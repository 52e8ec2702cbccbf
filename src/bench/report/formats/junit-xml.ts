import { printableLines } from '../../../text/printable.js';
import type { Check } from '../sections/document.js';

/** A test suite of JUnit XML. */
export interface JunitSuite {
  readonly name: string;
  /** What stands before its name in the class of a test case. */
  readonly tool: string;
  readonly file?: string | undefined;
  readonly cases: readonly JunitCase[];
  readonly ms: number;
  readonly startedAt?: string | undefined;
  readonly properties: Readonly<Record<string, string | number>>;
}

export interface JunitCase {
  readonly check: Check;
  /** How long it took. */
  readonly ms: number;
}

/**
 * JUnit XML, as CI systems read it. Elements and attributes are those that the strictest of the schemas allows, the one
 * of Jenkins; it has no place for the line of a test case.
 */
export function junitXml(name: string, suites: readonly JunitSuite[]): string {
  const checks = suites.flatMap(({ cases }) => cases.map(({ check }) => check));
  const time = suites.reduce((sum, { ms }) => sum + ms, 0);
  const { tests, failures, errors } = countsOf(checks);
  const attributes = { name, tests, failures, errors, time: seconds(time) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, suites.map(suiteXml))}\n`;
}

function suiteXml({ name, tool, file, cases, ms, startedAt, properties }: JunitSuite): string {
  const checks = cases.map(({ check }) => check);
  const attributes = {
    ...{ name, ...countsOf(checks), skipped: count(checks, 'skipped'), time: seconds(ms) },
    ...(startedAt === undefined ? {} : { timestamp: startedAt.replace(/\.\d+Z$/, '') }),
    ...(file === undefined ? {} : { file }),
  };
  const named = Object.entries(properties).map(([key, value]) =>
    element('property', { name: key, value }, []),
  );
  const all = cases.map(({ check, ms: tookMs }) => {
    const at = check.line === undefined ? '' : `${file}:${check.line}: `;
    const about = { name: check.name, classname: `${tool}.${name}`, time: seconds(tookMs) };
    return element('testcase', about, [outcomeXml(check, at)]);
  });
  return element('testsuite', attributes, [
    ...(named.length === 0 ? [] : [element('properties', {}, named)]),
    ...all,
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
