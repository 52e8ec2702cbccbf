import type { JsonResult } from './json.js';

/**
 * JUnit XML, as CI systems read it: a test suite a scenario, a test case an expectation. What is no expectation
 * (an invalid result, a problem of the server, an abort) is a test case of its own, so that no system shows green
 * for it.
 */
export function junitReport(results: readonly JsonResult[]): string {
  const suites = results.map(suiteOf);
  const total = (of: (suite: Suite) => number) => suites.reduce((sum, suite) => sum + of(suite), 0);
  const attributes = {
    name: 'datafn-ws bench',
    tests: total(({ cases }) => cases.length),
    failures: total(({ failures }) => failures),
    errors: total(({ errors }) => errors),
    time: seconds(results.reduce((sum, { durationMs }) => sum + durationMs, 0)),
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
  readonly cases: readonly string[];
  readonly failures: number;
  readonly errors: number;
}

function suiteOf(result: JsonResult): Suite {
  const { scenario, expectations } = result;
  const classname = `datafn-ws.${scenario.name}`;
  // A rule is judged on the whole run: each has its share of the time, so that the sum is right.
  const time = seconds(result.durationMs / Math.max(1, expectations.length));
  const cases = expectations.map(({ rule, phase, passed, shown, line }) => {
    const name = phase === undefined ? rule : `${rule} (${phase})`;
    const file = { file: scenario.source, line };
    const failure = passed
      ? []
      : [
          element('failure', { message: `${rule}: got ${shown}`, type: 'expectation' }, [
            escapeXml(`${scenario.source}:${line}: expected ${rule}, got ${shown}`),
          ]),
        ];
    return element('testcase', { name, classname, time, ...file }, failure);
  });
  const mishaps = [
    ...result.invalid.map((why) => ['the result is valid', why] as const),
    ...result.problems.map((why) => ['nothing went wrong with the server', why] as const),
    ...(result.aborted ? [['the run came to its end', 'It was stopped before it was over'] as const] : []),
  ];
  for (const [name, message] of mishaps) {
    cases.push(
      element('testcase', { name, classname, time: '0' }, [
        element('error', { message, type: result.verdict }, [escapeXml(message)]),
      ]),
    );
  }
  const failures = expectations.filter(({ passed }) => !passed).length;
  const properties = element('properties', {}, [
    element('property', { name: 'verdict', value: result.verdict }, []),
    element('property', { name: 'replay', value: result.replay }, []),
    ...result.total.metrics
      .filter(({ cohort }) => cohort === undefined)
      .map(({ name, value, unit }) =>
        element('property', { name: `${name} (${unit})`, value: String(value) }, []),
      ),
  ]);
  const attributes = {
    name: scenario.name,
    tests: cases.length,
    failures,
    errors: mishaps.length,
    skipped: 0,
    time: seconds(result.durationMs),
    timestamp: result.startedAt.replace(/\.\d+Z$/, ''),
  };
  return {
    xml: element('testsuite', attributes, [properties, ...cases]),
    cases,
    failures,
    errors: mishaps.length,
  };
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

/** Text for XML 1.0: what has a meaning is escaped, what XML cannot hold at all is replaced. */
function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
  );
}
