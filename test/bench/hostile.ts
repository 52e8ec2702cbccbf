import type { Comparison } from '../../src/bench/compare/comparison.js';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { filledReport } from './filled.js';

/** Texts that mean something to a format or a terminal, or that it cannot hold. */
export const TEXTS: Readonly<Record<string, string>> = {
  'a script': `<script>document.title='owned'</script>`,
  'an element with a handler': `"><img src=x onerror="document.title='owned'">`,
  'the end of a script and of a CDATA section': `</script></style></title>--> ]]> <![CDATA[ &amp; &#0; &nope;`,
  quotes: `"double" 'single' \`tick\` \`\`\`fence\`\`\``,
  newlines: 'one\ntwo\r\n# three\n\n| four | five |\n::error::six\rseven\u2028eight',
  'ANSI escapes': '\u001b[31mred\u001b[2J\u001b]0;title\u0007\u009b1A\u0008\u0008',
  'what Markdown reads':
    '**bold** [link](javascript:alert(1)) ![x](http://x/y.png) | cell | <b>tag</b> # @someone',
  'what GitHub reads': 'a%b::set-output name=x::y,title=z:1%0A::error::x',
  'characters that XML cannot hold': 'a\u0000b\u0001\u000b\u000c\ufffe\uffff\ud800 lone \udc00 \ud83d',
  'right-to-left overrides': 'safe\u202egnp.exe\u2066x\u2069',
  'what cannot be seen': 'a\u200eb\u200f\u061c\u200b\ufeffc\u{e0001}\u3164d\ufe0f\u00ad',
  'what a CI system obeys': '##[error]x ##vso[task.setvariable]y ##teamcity[z] ::error::',
  'a command at the beginning': '::error::x',
  'a very long word': 'x'.repeat(5000),
};

/** A comparison with a text in every place of it that can come from outside. */
export function hostileComparison(evil: string): Comparison {
  const side = { startedAt: evil, toolVersion: evil, sha256: evil, seed: 1, runs: 1 };
  return {
    scenario: evil,
    verdict: 'regressed',
    base: side,
    new: side,
    warnings: [evil],
    problems: [evil],
    changes: [
      {
        name: 'closed',
        key: `4000 ${evil}`,
        cohort: evil,
        unit: 'count',
        base: 1,
        new: 2,
        verdict: 'regression',
        why: evil,
      },
      { name: 'fanout.p99', unit: 'ms', base: 10, new: 200, verdict: 'warning', why: evil },
    ],
    numbers: [{ name: 'closed', key: `4000 ${evil}`, cohort: evil, unit: 'count', base: 1, new: 2 }],
    compared: { counts: 1, measures: 1 },
  };
}

const report = filledReport(['steady.accepted == 999', 'hot.accepted == 50']);
const [result] = report.results as [JsonResult];

/** A report of a run that failed, with a text in every place of it that can come from outside. */
export function hostileReport(evil: string): JsonReport {
  return {
    ...report,
    notRun: [{ name: evil, source: evil, reason: evil }],
    results: [
      {
        ...result,
        invalidReasons: [evil],
        problems: [evil],
        replay: `datafn-ws bench '${evil}'`,
        target: { ...result.target, isOwn: false, urls: [evil] },
        machine: { ...result.machine, cpu: evil, platform: evil },
        scenario: {
          ...result.scenario,
          name: evil,
          summary: evil,
          source: evil,
          overrides: [evil],
          changes: [{ path: evil, value: evil, before: evil }],
          serverFlags: [evil],
        },
        expectations: result.expectations.map((one) => ({
          ...one,
          rule: evil,
          phase: evil,
          key: evil,
          evidence: [evil],
        })),
        phases: result.phases.map((phase) => ({ ...phase, label: evil })),
        comparison: hostileComparison(evil),
        total: {
          ...result.total,
          cohorts: result.total.cohorts.map((cohort) => ({
            ...cohort,
            name: evil,
            closed: { [`4000 ${evil}`]: 1 },
            errors: { [evil]: 2 },
            otherMessages: [
              { kind: evil, count: 3, first: { atMs: 1, client: 2, namespace: evil, text: evil } },
            ],
          })),
        },
      },
    ],
  };
}
