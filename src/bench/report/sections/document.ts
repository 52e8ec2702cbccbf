import { formatAmount, formatDuration } from '../../../text/units.js';
import { changesText, hasFailed, outcomeText, repeatText } from '../facts.js';
import { aside, type Block, capitalized, type Paragraph, paragraph, type ReportDocument } from '../model.js';
import type { JsonResult } from '../schema.js';
import { againstBaseline } from './comparison.js';
import { connections, deliveries, otherMessages } from './connections.js';
import { expectations, failures } from './failures.js';
import { overTime } from './over-time.js';
import { generator, runs, server, timings } from './timings.js';

/** The report of a scenario, before it has a format. */
export function reportDocument(result: JsonResult): ReportDocument {
  return {
    verdict: result.verdict,
    name: result.scenario.name,
    sentence: outcomeText(result),
    intro: intro(result),
    alerts: alerts(result),
    sections: [
      ...failures(result),
      ...expectations(result),
      ...againstBaseline(result.comparison),
      ...runs(result),
      ...connections(result),
      ...deliveries(result),
      ...otherMessages(result),
      ...overTime(result),
      ...timings(result),
      ...server(result),
      ...generator(result),
    ],
    replay: result.replay,
  };
}

const MEANINGS: Readonly<Record<JsonResult['verdict'], string>> = {
  passed: 'The server did everything that this scenario expects',
  failed: 'The server did not do everything that this scenario expects',
  regressed: 'The server did what this scenario expects, but is worse than in the baseline',
  invalid:
    'This run says nothing about the server, good or bad. Fix what is named below and run it again; do not rely on the numbers',
  aborted: 'This run was stopped before it was over. The numbers cover the part that ran',
};

function intro(result: JsonResult): Block[] {
  const { verdict, scenario, target, startedAt, durationMs, repeat } = result;
  const where = target.isOwn ? 'a server that bench started' : target.urls.join(', ');
  const facts = [
    `${formatAmount(scenario.clients, 'client')} against ${where}`,
    formatDuration(durationMs),
    startedAt.replace(/\.\d+Z$/, 'Z'),
  ];
  return [
    ...(scenario.summary === '' ? [] : [paragraph(scenario.summary, 'muted')]),
    paragraph(
      `${MEANINGS[verdict]}${verdict === 'invalid' ? '.' : `: ${outcomeText(result)}.`}`,
      verdict === 'invalid' || verdict === 'aborted' ? 'warn' : undefined,
    ),
    paragraph([aside(capitalized(facts.join(', ')))]),
    ...(repeat === undefined ? [] : [paragraph(`${repeatText(repeat)}.`)]),
  ];
}

function alerts(result: JsonResult): Paragraph[] {
  const changes = changesText(result);
  // Often enough, that is all that is wrong.
  const hint = result.expectations.some(hasFailed)
    ? ' A rule that was written for the values in the file can fail for that reason alone.'
    : '';
  return [
    ...(changes === undefined ? [] : [paragraph([...changes, `.${hint}`], 'warn')]),
    ...[...result.invalidReasons, ...result.problems].map((text) => paragraph(text, 'bad')),
  ];
}
