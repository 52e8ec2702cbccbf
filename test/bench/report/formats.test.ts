import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import type { JsonReport, JsonResult } from '../../../src/bench/report/schema.js';
import { formatCount, formatDuration } from '../../../src/text/units.js';
import { filledReport } from '../filled.js';
import { terminalReport } from '../rendered.js';

const RULES = [
  'steady.accepted == 1000',
  'hot.accepted == 51',
  'fanout.p99 < 2s',
  'cursors.lost == 0',
  'silent.closed[1001 "Heartbeat timeout"] == 49',
  'api.rate > 1/s',
  'server.rss < 1KiB',
  'server.bytesPerConnection < 1B',
];

/** Text of markup, its entities read. */
function readEntities(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

const textOf = (html: string) => readEntities(html.replace(/<[^>]*>/g, '')).trim();

/** Cells of the rows of the tables of a page. */
function htmlRows(html: string): string[][] {
  return [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map(([, cell = '']) => textOf(cell)),
  );
}

const markdownRows = (markdown: string): string[][] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).replaceAll(' | | ', ' |  | ').split(' | ').map(readEntities));

/** Cells of the lines of the tables of a terminal report: two blanks part them. */
const terminalRows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => /^ {2}\S/.test(line))
    .map((line) => line.trim().split(/ {2,}/));

const report = filledReport(RULES);
const [result] = report.results as [JsonResult];

interface Numbers {
  readonly verdict: string;
  /** Rule, outcome and value of each expectation. */
  readonly expectations: readonly string[];
  /** Cohort, outcome and number of clients. */
  readonly connections: readonly string[];
  /** Name, p50, p90, p99 and max of each kind of duration, as far as the format has them. */
  readonly timings: readonly string[];
}

/** How the closes of the sample are told. */
const CLOSES: Readonly<Record<string, string>> = {
  '1001 Heartbeat timeout': 'accepted closed by the server with 1001 Heartbeat timeout',
  '1006': 'accepted lost without a close frame (1006)',
  '4503 Namespace connection limit reached': 'refused 4503 Namespace connection limit reached',
};

/** What the formats must say, made from the data and nothing else. */
function wanted({ results: [one] }: JsonReport): Numbers {
  const { verdict, expectations, total } = one as JsonResult;
  return {
    verdict,
    expectations: expectations.map(({ rule, passed, shown }) => `${passed ? '✓' : '✗'} ${rule}: ${shown}`),
    connections: total.cohorts.flatMap(({ name, closed, open }) => [
      ...Object.entries(closed).map(([key, count]) => `${name} ${CLOSES[key]} ${formatCount(count)}`),
      `${name} accepted open at the end ${formatCount(open)}`,
    ]),
    timings: Object.values(total.histograms).map(({ count, p50, p90, p99, max }) =>
      // A single sample is told once.
      count === 1 ? `– – – ${formatDuration(max)}` : [p50, p90, p99, max].map(formatDuration).join(' '),
    ),
  };
}

/** What each format says, read back from its text. */
const said: Record<string, (report: JsonReport) => Partial<Numbers>> = {
  terminal: ({ results: [one] }) => {
    const text = terminalReport(one as JsonResult, { colors: new Chalk({ level: 0 }), columns: 80 });
    const rows = terminalRows(text);
    // At the end, those that did not hold are told once more, with why.
    const [table = ''] = text.split('\nWhat failed');
    return {
      verdict: text.split(' ', 1)[0]?.toLowerCase() as string,
      expectations: [...table.matchAll(/^ {2}([✓✗] .+?) {2,}(.+)$/gm)].map(
        ([, rule, value]) => `${rule}: ${value}`,
      ),
      connections: rows.map((cells) => cells.join(' ')),
      timings: rows.map((cells) => cells.slice(2).join(' ')),
    };
  },
  'JUnit XML': (one) => {
    const xml = junitReport(one);
    return {
      verdict: /<property name="verdict" value="(\w+)"/.exec(xml)?.[1] as string,
      expectations: [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>\n<([\w-]+)[^>]*>([^<]*)</g)]
        .filter(([, , kind]) => kind !== 'error')
        .map(
          ([, rule = '', kind, text = '']) =>
            `${kind === 'failure' ? '✗' : '✓'} ${readEntities(rule)}: ${text.split('&#10;')[0]?.replace(/^(?:.*, )?got /, '')}`,
        ),
    };
  },
  Markdown: (one) => {
    const markdown = markdownReport(one);
    const rows = markdownRows(markdown);
    return {
      verdict: /^## \S+ (\w+):/m.exec(markdown)?.[1] as string,
      expectations: rows
        .filter(([sign = '']) => /[✓✗]/.test(sign))
        .map(([sign, rule, value]) => `${sign} ${rule?.replaceAll('`', '')}: ${value}`),
      connections: rows.map((cells) => cells.join(' ')),
      timings: rows.map((cells) => cells.slice(2).join(' ')),
    };
  },
  HTML: (one) => {
    const html = htmlReport(one);
    const rows = htmlRows(html);
    let cohort = '';
    return {
      verdict: /<title>(\w+):/.exec(html)?.[1]?.toLowerCase() as string,
      expectations: rows
        .filter(([sign = '']) => /[✓✗]/.test(sign))
        .map(([sign = '', rule, value]) => `${sign.charAt(0)} ${rule}: ${value}`),
      // The first row of a cohort has its name, the others have not.
      connections: rows.map((cells) => {
        if (cells.length === 4) cohort = cells[0]?.split(' ', 1)[0] as string;
        return [cohort, ...cells.slice(-3)].join(' ');
      }),
      timings: rows.map((cells) => cells.slice(2).join(' ')),
    };
  },
};

/** What a format says of one report that is not in another, and the other way round. */
function differences(format: string, of: JsonReport, right: Numbers): string[] {
  const found = said[format]?.(of) ?? {};
  const wrong = found.verdict === right.verdict ? [] : [`verdict ${found.verdict}`];
  for (const part of ['expectations', 'connections', 'timings'] as const) {
    const texts = found[part];
    if (texts !== undefined) wrong.push(...right[part].filter((one) => !texts.includes(one)));
  }
  // A format must not say more about the expectations than there is, either.
  wrong.push(...(found.expectations ?? []).filter((one) => !right.expectations.includes(one)));
  return wrong;
}

describe.each(Object.keys(said))('%s', (format) => {
  test('has the same verdict, expectations, outcomes, counts and percentiles as the JSON report', () => {
    expect(differences(format, report, wanted(report))).toEqual([]);
    const { expectations } = said[format]?.(report) ?? {};
    expect(expectations).toHaveLength(RULES.length);
  });

  test.each([
    ['aborted', { aborted: true }],
    ['invalid', { invalid: ['Worker 1 died'] }],
  ] as const)('has the same of a run that is %s, and says that it is', (verdict, parts) => {
    const marked = filledReport(RULES, { ...parts, invalid: 'invalid' in parts ? [...parts.invalid] : [] });
    expect(wanted(marked).verdict).toBe(verdict);
    expect(differences(format, marked, wanted(marked))).toEqual([]);
  });

  test('is found out when it says another number', () => {
    const other = structuredClone(report);
    const [{ expectations, total }] = other.results as [JsonResult];
    Object.assign(expectations[0] as object, { shown: '1,001' });
    Object.assign(total.cohorts[1]?.closed ?? {}, { '1006': 7 });
    Object.assign(total.histograms.fanout as object, { p99: 123 });
    const found = differences(format, other, wanted(report));
    expect(found).toContain('✓ steady.accepted == 1000: 1,000');
    const { connections, timings } = said[format]?.(report) ?? {};
    if (connections !== undefined) expect(found).toContain(`hot ${CLOSES['1006']} 1`);
    if (timings !== undefined) expect(found).toContain('170 ms 306 ms 337 ms 340 ms');
  });
});

test('what the formats tell of a fan-out of 300 deliveries is not the same for all percentiles', () => {
  // So that a format that showed one of them for another would be found out.
  const { p50, p90, p99, max } = result.total.histograms.fanout as {
    p50: number;
    p90: number;
    p99: number;
    max: number;
  };
  expect(new Set([p50, p90, p99, max].map(formatDuration)).size).toBe(4);
});

describe('scenarios that were not run', () => {
  const some = {
    ...report,
    verdict: 'aborted' as const,
    notRun: [{ name: 'later', source: 'later.yaml', reason: 'No server at ws://x' }],
  };

  test.each([
    ['JUnit XML', junitReport(some)],
    ['Markdown', markdownReport(some)],
    ['HTML', htmlReport(some)],
  ])('are in %s, with the reason', (_, text) => {
    expect(readEntities(text)).toMatch(/later[\s\S]*No server at ws:\/\/x/);
  });

  test('are all that there is when the first could not begin', () => {
    const none = { ...some, results: [] };
    expect(junitReport(none)).toContain('tests="1" failures="0" errors="1"');
    expect(readEntities(markdownReport(none))).toContain('later was not run');
    expect(readEntities(htmlReport(none))).toContain('No server at ws://x');
  });
});
