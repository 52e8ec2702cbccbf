import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import type { JsonReport, JsonResult } from '../../../src/bench/report/schema.js';
import { filledMeasurements, filledReport } from '../filled.js';
import { terminalReport } from '../rendered.js';

// What somebody needs who has never seen a report, and looks at this one for a minute.

/** A part of a page as text, in one line. */
const textOf = (html: string) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/\s+/g, ' ')
    .replace(/ ([.,;)])/g, '$1')
    .trim();

/** What a page says of what went wrong. */
const why = (report: JsonReport) => /<ul class="why">.*?<\/ul>/s.exec(htmlReport(report))?.[0] ?? '';
const cards = (report: JsonReport) => why(report).split('<li>').slice(1).map(textOf);

/** The same report, of a scenario that was changed. */
function changed(report: JsonReport, changes: JsonResult['scenario']['changes']): JsonReport {
  const serverFlags = ['--max-connections', '2000', '--max-connections-per-namespace', '51', '--resume'];
  return {
    ...report,
    results: report.results.map((one) => ({ ...one, scenario: { ...one.scenario, changes, serverFlags } })),
  };
}

const CHANGES = [
  { path: 'server.maxConnectionsPerNamespace', value: '51', before: '100' },
  { path: 'server.resume', value: 'true' },
];

describe('a run that changed the scenario', () => {
  const failed = changed(filledReport(['hot.accepted == 51']), CHANGES);
  const passed = changed(filledReport(['hot.accepted == 50']), CHANGES);
  const said =
    'This run changed the scenario: server.maxConnectionsPerNamespace is 51 (the file has 100); server.resume is true (the file does not set it)';

  test('says so before anything that failed, and marks those settings of the server', () => {
    expect(textOf(htmlReport(failed))).toContain(
      `${said}. A rule that was written for the values in the file can fail for that reason alone. What failed, and why Cohort`,
    );
    const flags = [...htmlReport(failed).matchAll(/<code( class="warn")?>(--[^<]*)<\/code>/g)];
    expect(flags.map(([, mark, flag]) => [flag, mark !== undefined])).toEqual([
      ['--max-connections 2000', false],
      ['--max-connections-per-namespace 51', true],
      ['--resume', true],
    ]);
  });

  test('says so where nothing failed', () => {
    expect(textOf(htmlReport(passed))).toContain(`${said}. Expectations`);
    expect(htmlReport(filledReport(['hot.accepted == 50']))).not.toContain('This run changed');
  });

  test.each([
    ['failed', failed],
    ['passed', passed],
  ])('says so in a terminal and in Markdown when it has %s', (_, report) => {
    const text = terminalReport(report.results[0] as JsonResult, {
      colors: new Chalk({ level: 0 }),
      columns: 80,
    });
    expect(text.split('\n\n')[0]?.replace(/\s+/g, ' ')).toContain(said);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const markdown = markdownReport(report);
    expect(markdown.replace(/`/g, '')).toContain(`\n\n> ${said}.`);
    expect(markdown.indexOf('This run changed')).toBeLessThan(markdown.indexOf('### '));
  });
});

test('a change as long as a scenario is cut short, and an empty one is no gap', () => {
  const report = changed(filledReport(['hot.accepted == 51']), [
    { path: 'expect', value: `[${'x'.repeat(5000)}]`, before: '- a' },
    { path: 'summary', value: '', before: 'Words.' },
  ]);
  expect(textOf(htmlReport(report))).toMatch(
    /expect is \[x{50,90}… \(the file has - a\); summary is empty \(the file has Words\.\)/,
  );
});

describe('in Markdown, what failed', () => {
  test('is explained once where it means the same', () => {
    const markdown = markdownReport(
      filledReport(['hot.accepted == 51', 'silent.accepted == 51', 'steady.accepted == 999']),
    );
    const [failures = ''] = markdown.split('<details>');
    expect(failures.match(/^- .*?:/gm)).toEqual([
      '- `hot.accepted == 51`, `silent.accepted == 51`:',
      '- `steady.accepted == 999`:',
    ]);
  });
});

describe('what failed', () => {
  test('is told once for the percentiles of one kind of durations, with how far each is off', () => {
    const told = cards(
      filledReport(['silent.heartbeat.timeout.p50 < 100ms', 'silent.heartbeat.timeout.p99 < 200ms']),
    );
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^Cohort silent : heartbeat timeout \(unanswered ping to the close\)/);
    expect(told[0]).toContain(
      'p50: half of all took no longer expected less than 100 ms measured 341 ms (241 ms too long)',
    );
    expect(told[0]).toContain('p99: 99 of 100 took no longer expected less than 200 ms');
    expect(told[0]?.match(/What it usually means/g)).toHaveLength(1);
    expect(told[0]?.match(/heartbeat\.timeout: p50/g)).toHaveLength(1);
  });

  test('is told once for clients that were not accepted, and so were closed', () => {
    const told = cards(
      filledReport([
        'hot.accepted == 51',
        'hot.closed[4503 "Namespace connection limit reached"] == 9',
        'steady.accepted == 999',
      ]),
    );
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^Cohort hot : connections Clients that opened/);
    expect(told[0]).toContain('expected exactly 9 measured 10 (1 too many)');
    expect(told[0]?.match(/What it usually means/g)).toHaveLength(1);
    expect(told[1]).toMatch(/^Cohort steady : clients that opened/);
  });

  test('is told apart where it has causes of its own', () => {
    const rules = ['hot.accepted == 51', 'hot.closed[1006] == 0', 'closed[1006] == 1', 'fanout.p99 < 1ms'];
    const told = cards(filledReport(rules));
    expect(told).toHaveLength(3);
    expect(told[0]?.match(/What it usually means/g)).toHaveLength(2);
  });

  test('does not count the accepted twice when it says what became of connections', () => {
    expect(cards(filledReport(['hot.accepted == 51']))[0]).toMatch(
      /The 60 clients in cohort hot made 71 attempts to connect in all: 50 were accepted \(.*\); 13 were refused \(10 4503/,
    );
  });
});

describe('what failed for one cause that two rules see', () => {
  test('is told once, with the codes of the closes and not where to look for them', () => {
    const measurements = filledMeasurements();
    const [steady] = measurements.cohorts as [(typeof measurements.cohorts)[number]];
    Object.assign(steady, { open: 994 });
    steady.tally.counters.falseTimeouts = 6;
    steady.tally.closed.count('1001 Heartbeat timeout', 6);
    const rules = [
      'steady.open == 1000',
      'steady.heartbeat.falseTimeouts == 0',
      'hot.heartbeat.falseTimeouts == 0',
    ];
    const [told, ...more] = cards(filledReport(rules, { measurements }));
    expect(told).toMatch(
      /^Cohort steady : connections .* exactly 1,000 measured 994 .* none measured 6 .* Cohort hot /,
    );
    expect(told?.match(/What it usually means/g)).toHaveLength(1);
    expect(told).toContain('closed clients that answer every ping');
    expect(told).toContain('6 closed by the server with 1001 Heartbeat timeout');
    expect(told).not.toContain('under Connections');
    expect(more).toEqual([]);
  });

  test('is told apart where the numbers differ, each with what it means', () => {
    const [told] = cards(filledReport(['steady.open == 1000', 'steady.heartbeat.falseTimeouts == 1']));
    expect(told).toContain('Clients lost their connection before the end.');
    expect(told).toContain('closed clients that answer every ping');
  });
});

describe('connections', () => {
  /** Rows of the table, of a run in which the first cohort has other numbers. */
  function rowsWith(change: (cohort: JsonResult['total']['cohorts'][number]) => void): string[] {
    const report = structuredClone(filledReport(['steady.accepted == 999']));
    const [cohort] = (report.results[0] as JsonResult).total.cohorts;
    if (cohort !== undefined) change(cohort);
    const page = htmlReport(report);
    const [, section = ''] = page.split('Connections</h2>');
    const [rows = ''] = section.split('</table>');
    return [...rows.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) => textOf(row)).concat(cards(report));
  }

  test('of clients that connect more than once are not so many of fewer', () => {
    const said = rowsWith((cohort) => {
      Object.assign(cohort, { clients: 40, accepted: 433 });
      cohort.counters.attempts = 440;
    });
    expect(said.at(-1)).toContain('The 40 clients in cohort steady made 440 attempts to connect in all: ');
  });

  test('of half-open clients have vanished without a close, but for those that were closed', () => {
    const half = (behavior: string) =>
      rowsWith((cohort) => {
        Object.assign(cohort, { behavior, closed: { '4503 Full': 3 }, open: 0 });
        Object.assign(cohort.counters, { opened: 53, disconnected: 0 });
      }).filter((row) => row.includes(' vanished') && !row.startsWith('Cohort'));
    expect(half('half-open')).toEqual([expect.stringMatching(/accepted vanished without a close 50$/)]);
    expect(half('healthy')).toEqual([]);
  });
});

describe('charts', () => {
  const page = (omit: readonly string[]) => {
    const report = filledReport(['steady.accepted == 999']);
    for (const point of report.results[0]?.timeline ?? [])
      for (const key of omit) delete (point as Record<string, unknown>)[key];
    return htmlReport(report);
  };

  test('say what the server does not report about itself', () => {
    const told = page([]);
    const untold = page(['serverDelayMaxMs', 'serverRssBytes']);
    expect(untold).toContain(
      '<figcaption>Event-loop delay of the load generator; this server does not report its own</figcaption>',
    );
    expect(untold).toContain('This server does not report its memory, so there is no chart of it.');
    expect(untold).not.toContain('server delay');
    expect(told).not.toMatch(/does not report/);
    // Nothing at all was recorded: then the server is not what is missing.
    const report = filledReport(['steady.accepted == 999'], { timeline: [] });
    expect(htmlReport(report)).not.toMatch(/does not report/);
  });
});

describe('cursor deliveries', () => {
  test.each([
    ['more were received than expected', 11, {}, '+ in flight. In flight: 3 '],
    ['the rest are duplicates and leaks', 13, { duplicated: 2, leaked: 1 }, '+ duplicated + leaked. '],
    ['as many were received', 10, {}, undefined],
  ])('add up, when %s', (_what, received, counted, sum) => {
    const report = structuredClone(filledReport(['steady.accepted == 999']));
    for (const { counters } of report.results[0]?.total.cohorts ?? []) {
      for (const counter of Object.keys(counters)) counters[counter] = 0;
      Object.assign(counters, { expected: 10, received, ...counted });
    }
    const page = htmlReport(report);
    if (sum === undefined) expect(page).not.toContain('Received = ');
    else expect(page).toContain(`Received = expected ${sum}`);
  });

  test('have no columns of zeros, but a sentence, and name cohorts without deliveries', () => {
    const report = structuredClone(filledReport(['hot.accepted == 51']));
    for (const { name, counters } of report.results[0]?.total.cohorts ?? []) {
      const all = name === 'hot' ? [] : ['expected', 'received', 'leaked'];
      for (const counter of Object.keys(counters)) if (!all.includes(counter)) counters[counter] = 0;
    }
    const [, section = ''] = htmlReport(report).split('Cursor deliveries</h');
    const [said = ''] = section.split('<h2>Over time');
    expect([...said.matchAll(/<th scope="col"[^>]*>(.*?)<\/th>/g)].map(([, head]) => head)).toEqual([
      'cohort',
      'expected',
      'received',
      'leaked',
    ]);
    expect(textOf(said)).toContain(
      'None lost, duplicated, reordered, foreign (not sent by bench) or conflated (skipped in favor of a newer one). Not expected to receive cursors: hot.',
    );
  });
});
