import { htmlPage } from '../../bench/report/formats/html.js';
import { type JunitSuite, junitXml } from '../../bench/report/formats/junit-xml.js';
import { markdownDocument } from '../../bench/report/formats/markdown.js';
import type { Check } from '../../bench/report/sections/document.js';
import { printableJson } from '../../text/printable.js';
import { type ClauseResult, GROUPS, groupOf, standingOf, type VerifyResult } from '../model/result.js';
import { failureLines, verifyDocument, whyOf } from './document.js';

/** A result, and whether a SHOULD that does not hold is a failure. */
export interface Judged {
  readonly result: VerifyResult;
  readonly isStrict: boolean;
}

/** Every format by its flag. */
export const FORMATS = {
  json: ({ result, isStrict }: Judged): string => `${printableJson(jsonOf(result, isStrict), 2)}\n`,
  junit: ({ result, isStrict }: Judged): string => junitXml('datafn-ws verify', suitesOf(result, isStrict)),
  markdown: ({ result, isStrict }: Judged): string => markdownDocument(verifyDocument(result, isStrict)),
  html: ({ result, isStrict }: Judged): string => {
    const document = verifyDocument(result, isStrict);
    return htmlPage(document.verdict, [document]);
  },
} as const;

function jsonOf(result: VerifyResult, isStrict: boolean): unknown {
  const { clauses, ...run } = result;
  return {
    version: 1,
    verdict: verifyDocument(result, isStrict).verdict,
    ...run,
    clauses: clauses.map((clause) => {
      const { outcome, isExpectedToFail, ...info } = clause;
      const { kind, ...more } = outcome;
      return { ...info, outcome: kind, standing: standingOf(clause, isStrict), ...more };
    }),
  };
}

function suitesOf({ clauses, startedAt }: VerifyResult, isStrict: boolean): JunitSuite[] {
  return GROUPS.flatMap((name) => {
    const members = clauses.filter(({ id }) => groupOf(id) === name);
    if (members.length === 0) return [];
    const cases = members.map((one) => ({ check: checkOf(one, isStrict), ms: one.durationMs }));
    const ms = members.reduce((sum, { durationMs }) => sum + durationMs, 0);
    return [{ name, tool: 'datafn-ws.verify', cases, ms, startedAt, properties: {} }];
  });
}

function checkOf(clause: ClauseResult, isStrict: boolean): Check {
  const { id, level, sentence, source, outcome } = clause;
  const standing = standingOf(clause, isStrict);
  const outcomes = {
    passed: 'passed',
    failed: 'failed',
    'unexpected pass': 'failed',
    // CI systems know no warnings: one that does not fail the run must not look as if it did.
    warned: 'skipped',
    absent: 'skipped',
    skipped: 'skipped',
    'expected failure': 'skipped',
  } as const;
  return {
    name: `${id} ${sentence}`,
    type: level,
    outcome: outcomes[standing],
    message: `${standing === 'warned' ? 'warning: ' : ''}${whyOf(clause, standing) ?? level}`,
    details: [...(outcome.kind === 'failed' ? failureLines(outcome.failure) : []), `Source: ${source}`],
  };
}
