import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { annotations } from '../../../src/bench/report/formats/annotations.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { type JsonReport, type JsonResult, reportSchema } from '../../../src/bench/report/schema.js';
import { printableJson } from '../../../src/text/printable.js';
import { junitErrors } from '../../support/xml.js';
import { hostileComparison, hostileReport, TEXTS } from '../hostile.js';
import { markdownComparison, terminalComparison, terminalReport } from '../rendered.js';

const terminal = ({ results }: JsonReport, level: 0 | 1 = 0) =>
  terminalReport(results[0] as JsonResult, { colors: new Chalk({ level }), columns: 80 });

// What no text of a report may have in it: controls, what cannot be seen or turns the direction of text, and commands to a CI system.
const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u3164]|##\w*\[/u;

/** The same report with a text that means nothing to anybody, and what the formats make of it. */
const plain = hostileReport('plain');
const PLAIN = {
  markdown: markdownReport(plain),
  html: htmlReport(plain),
  terminal: terminal(plain),
  annotations: annotations(plain, (source) => source),
};

describe.each(Object.entries(TEXTS))('%s, wherever a text can come from outside', (_, evil) => {
  const report = hostileReport(evil);

  test('leaves the JSON report valid, with the text as it was', () => {
    const read = JSON.parse(printableJson(report, 2));
    expect(reportSchema.parse(read)).toEqual(report);
    expect(read.results[0].scenario.summary).toBe(evil);
  });

  test('leaves JUnit XML valid, with as many cases as before', async () => {
    const xml = junitReport(report);
    expect(await junitErrors(xml)).toEqual([]);
    expect(xml.isWellFormed()).toBe(true);
    expect(xml).not.toMatch(CONTROLS);
    expect(xml.match(/<testcase /g)).toHaveLength(report.results[0]?.expectations.length === 2 ? 6 : 0);
  });

  test('adds no line, cell, heading or tag to Markdown', () => {
    const markdown = markdownReport(report);
    expect(markdown).not.toMatch(CONTROLS);
    const shape = (text: string) =>
      text.split('\n').map((line) => ({
        cells: line.startsWith('|') ? line.split(/(?<!\\)\|/).length : 0,
        start: /^(#+ |> |\||<\w+|$)/.exec(line)?.[1] ?? 'text',
      }));
    expect(shape(markdown)).toEqual(shape(PLAIN.markdown));
    // In code they mean nothing.
    const tags = (text: string) => text.replace(/(`+)(?!`).*?[^`]\1(?!`)/g, '').match(/<\/?\w+>/g);
    expect(tags(markdown)).toEqual(tags(PLAIN.markdown));
    expect(tags(markdown)).toHaveLength(8);
  });

  test('adds no tag and no attribute to HTML', () => {
    const shape = (html: string) =>
      [
        ...html
          .replace(/<script[\s\S]*?<\/script>/g, '')
          .matchAll(/<(\/?[a-z][\w-]*)((?:\s+[\w-]+(?:="[^"]*")?)*)/g),
      ].map(
        ([, tag, attributes = '']) =>
          `${tag} ${[...attributes.matchAll(/\s([\w-]+)/g)].length > 0 ? attributes.replace(/="[^"]*"/g, '') : ''}`,
      );
    const html = htmlReport(report);
    expect(shape(html)).toEqual(shape(PLAIN.html));
    expect(html.match(/<\/?script/g)).toEqual(PLAIN.html.match(/<\/?script/g));
    expect(html).not.toMatch(CONTROLS);
  });

  test('does not control a terminal, and adds no section to the report', () => {
    const text = terminal(report);
    expect(text).not.toMatch(CONTROLS);
    const sections = (shown: string) =>
      shown
        .split('\n')
        .filter((line) => /^\S/.test(line))
        .slice(1);
    expect(sections(text)).toEqual(sections(PLAIN.terminal));
  });

  test('does the same to a comparison, in a terminal and in Markdown', () => {
    const style = { colors: new Chalk({ level: 0 }), columns: 80 };
    const [text, plain] = [evil, 'plain'].map((one) => terminalComparison(hostileComparison(one), style)) as [
      string,
      string,
    ];
    expect(text).not.toMatch(CONTROLS);
    const starts = (shown: string) =>
      shown.split('\n').filter((line) => /^(?:\S| {2}[✗!·✓] )/.test(line)).length;
    expect(starts(text)).toBe(starts(plain));
    const [markdown, tame] = [evil, 'plain'].map((one) => markdownComparison(hostileComparison(one))) as [
      string,
      string,
    ];
    expect(markdown).not.toMatch(CONTROLS);
    expect(markdown.split('\n').map((line) => line.split(/(?<!\\)\|/).length)).toEqual(
      tame.split('\n').map((line) => line.split(/(?<!\\)\|/).length),
    );
  });

  test('adds no command to those for GitHub Actions, and ends none early', () => {
    const text = annotations(report, (source) => source);
    expect(text).not.toMatch(CONTROLS);
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(PLAIN.annotations.trimEnd().split('\n').length);
    for (const line of lines)
      expect(line).toMatch(/^::(?:error|warning) file=[^:,]*,line=\d+,title=[^:,]*::/);
  });
});
