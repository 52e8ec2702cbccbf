import { repeatText, wholeMs } from '../facts.js';
import type { JsonReport, JsonResult } from '../schema.js';
import { otherMessagesOf } from '../sections/connections.js';
import { checksOf, notRunCheck } from '../sections/document.js';
import { repeatRowsOf } from '../sections/timings.js';
import { type JunitSuite, junitXml } from './junit-xml.js';

/** What stands before the name of a scenario in the class of a test case. */
const TOOL = 'datafn-ws';

/** A test suite a scenario, a test case a check. */
export function junitReport({ results, notRun }: JsonReport): string {
  return junitXml('datafn-ws bench', [...results.map(suiteOf), ...notRun.map(emptySuiteOf)]);
}

function suiteOf(result: JsonResult): JunitSuite {
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
  const { name, source: file } = scenario;
  const checks = checksOf(result);
  const ms = wholeMs(result);
  // A rule is judged on the whole run: each has its share of the time, so that the sum is right.
  const share = ms / Math.max(1, checks.filter(({ line }) => line !== undefined).length);
  const cases = checks.map((check) => ({ check, ms: check.line === undefined ? 0 : share }));
  return { name, tool: TOOL, file, cases, ms, startedAt, properties };
}

function emptySuiteOf(one: JsonReport['notRun'][number]): JunitSuite {
  const cases = [{ check: notRunCheck(one), ms: 0 }];
  return { name: one.name, tool: TOOL, file: one.source, cases, ms: 0, properties: {} };
}
