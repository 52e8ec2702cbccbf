import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { htmlReport } from '../../../src/bench/report/html.js';
import { type JsonResult, reportSchema } from '../../../src/bench/report/json.js';
import { junitReport } from '../../../src/bench/report/junit.js';
import { markdownReport } from '../../../src/bench/report/markdown.js';
import { terminalReport } from '../../../src/bench/report/terminal.js';
import { filledReport, filledResult } from '../filled.js';

const RULES = [
  'steady.accepted == 1000',
  'hot.accepted == 51',
  'fanout.p99 < 2s',
  'cursors.lost == 0',
  'silent.closed[1001 "Heartbeat timeout"] == 49',
  'api.rate > 1/s',
  'server.rss < 1KiB',
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

interface ReadBack {
  readonly rule: string;
  readonly passed: boolean;
  readonly shown: string;
}

const report = filledReport(RULES);
const [result] = report.results as [JsonResult];

/** How each format tells the expectations, read back from its text. */
const readBack: Record<string, () => ReadBack[]> = {
  terminal: () => {
    const text = terminalReport(filledResult(RULES), { colors: new Chalk({ level: 0 }), columns: 80 });
    return [...text.matchAll(/^ {2}([✓✗]) (.+?) {2,}(.+)$/gm)].map(([, sign, rule = '', shown = '']) => ({
      rule,
      passed: sign === '✓',
      shown,
    }));
  },
  'JUnit XML': () =>
    [...junitReport([result]).matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
      ([, name = '', body]) => ({
        rule: readEntities(name),
        passed: body === undefined,
        // A test case that holds has no place for its value.
        shown:
          body === undefined
            ? ''
            : (/got ([^"]*)"/.exec(readEntities(/message="([^"]*)"/.exec(body)?.[0] ?? ''))?.[1] ?? ''),
      }),
    ),
  Markdown: () =>
    [...markdownReport([result]).matchAll(/^\| ([✓✗]) \| `([^`]*)` \| (.*) \|$/gm)].map(
      ([, sign, rule = '', shown = '']) => ({ rule, passed: sign === '✓', shown: readEntities(shown) }),
    ),
  HTML: () =>
    [
      ...htmlReport(report).matchAll(
        /<tr><td><span[^>]*>([✓✗])<\/span><\/td><td><code>(.*?)<\/code><\/td><td>(.*?)<\/td><\/tr>/g,
      ),
    ].map(([, sign, rule = '', shown = '']) => ({
      rule: readEntities(rule),
      passed: sign === '✓',
      shown: readEntities(shown),
    })),
};

const byRule = (list: readonly ReadBack[]) => [...list].sort((a, b) => a.rule.localeCompare(b.rule));

describe('the same result', () => {
  it('is valid by the schema of the JSON report', () => {
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it.each(Object.keys(readBack))(
    'has the same expectations, outcomes and values in %s as in JSON',
    (format) => {
      const wanted = result.expectations.map(({ rule, passed, shown }) => ({
        rule,
        passed,
        shown: format === 'JUnit XML' && passed ? '' : shown,
      }));
      expect(byRule(readBack[format]?.() ?? [])).toEqual(byRule(wanted));
    },
  );

  it('has the same counts of connections in Markdown, HTML and JSON', () => {
    const markdown = readEntities(markdownReport([result]));
    const html = readEntities(htmlReport(report));
    for (const { name, closed } of result.total.cohorts) {
      for (const [key, count] of Object.entries(closed)) {
        expect(markdown).toContain(`| ${name} | closed ${key} | ${count} |`);
        expect(html).toContain(`<td>closed ${key}</td><td>${count}</td>`);
      }
    }
  });

  it('counts as many failures in the head of the JUnit XML as there are', () => {
    const failed = result.expectations.filter(({ passed }) => !passed).length;
    expect(failed).toBe(3);
    expect(junitReport([result])).toContain(
      `<testsuites name="datafn-ws bench" tests="7" failures="3" errors="0"`,
    );
  });
});

describe('a result that is no verdict about the server', () => {
  it('is an error in JUnit XML, so that no system shows green for it', () => {
    const invalid = filledReport(['steady.accepted == 1000'], { invalid: ['Worker 1 died'] });
    expect(invalid.verdict).toBe('invalid');
    expect(junitReport(invalid.results)).toMatch(
      /errors="1"[\s\S]*<error message="Worker 1 died" type="invalid">/,
    );
  });

  it('is marked as aborted in every format', () => {
    const aborted = filledReport(['steady.accepted == 1000'], { aborted: true });
    expect(aborted.results[0]?.aborted).toBe(true);
    expect(markdownReport(aborted.results)).toContain('aborted');
    expect(htmlReport(aborted)).toContain('Aborted');
    expect(junitReport(aborted.results)).toContain('type="aborted"');
  });
});

describe('text that means something to a format', () => {
  const evil = `<script>alert(1)</script> "quoted" 'too' ]]> & \u001b[31mred | \`tick\`\n## new`;
  const [one] = filledReport(['steady.accepted == 999'], { problems: [evil] }).results as [JsonResult];

  it('stays text in JUnit XML, without what XML cannot hold', () => {
    const xml = junitReport([one]);
    expect(xml).not.toContain('<script>');
    expect(xml).not.toContain('\u001b');
    expect(xml).not.toContain(']]>');
    expect(readEntities(xml)).toContain('alert(1)');
  });

  it('stays one line of text in Markdown', () => {
    const markdown = markdownReport([one]);
    expect(markdown).not.toContain('<script>');
    expect(markdown).not.toMatch(/^## new/m);
    expect(markdown).not.toContain('\u001b');
  });

  it('stays text in HTML', () => {
    const html = htmlReport({ version: 1, verdict: 'failed', results: [one], notRun: [] });
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('\u001b');
  });
});
