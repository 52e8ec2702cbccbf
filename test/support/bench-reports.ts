import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'vitest';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { junitErrors } from './xml.js';

/** The reports of one run of bench that are written into files. */
export interface Reports {
  readonly json: JsonReport;
  readonly junit: string;
  readonly markdown: string;
  readonly html: string;
}

/** Flags for every report, into files of a folder that bear a name. */
export function everyReport(folder: string, name: string): { readonly flags: string[]; read(): Reports } {
  const path = (kind: string) => join(folder, `${name}.${kind}`);
  const kinds = ['json', 'junit', 'markdown', 'html'];
  const read = (kind: string) => readFileSync(path(kind), 'utf8');
  return {
    flags: kinds.flatMap((kind) => [`--${kind}`, path(kind)]),
    read: () => ({
      json: JSON.parse(read('json')),
      junit: read('junit'),
      markdown: read('markdown'),
      html: read('html'),
    }),
  };
}

const validate = new Ajv({ allErrors: true }).compile(
  JSON.parse(readFileSync(join(import.meta.dirname, '../../schemas/report.schema.json'), 'utf8')),
);

/** Checks that every report is there, valid, and marked as what it is. Returns the result of the one scenario. */
export async function expectMarked(
  verdict: JsonReport['verdict'],
  stdout: string,
  { json, ...texts }: Reports,
): Promise<JsonResult> {
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  const result = json.results[0] as JsonResult;
  expect([json.verdict, result.verdict]).toEqual([verdict, verdict]);
  expect([result.aborted, result.invalid]).toEqual([verdict === 'aborted', verdict === 'invalid']);
  expect(await junitErrors(texts.junit)).toEqual([]);
  expect(texts.junit).toContain(`<property name="verdict" value="${verdict}"/>`);
  const marks: Partial<Record<JsonReport['verdict'], RegExp>> = { passed: /<testcase /, failed: /<failure / };
  expect(texts.junit).toMatch(marks[verdict] ?? new RegExp(`<error [^>]*type="${verdict}"`));
  if (verdict === 'passed') expect(texts.junit).not.toMatch(/<(failure|error) /);
  expect(texts.markdown).toMatch(new RegExp(`^## \\S+ ${verdict}: `));
  expect(texts.html).toMatch(new RegExp(`<title>${verdict}: `, 'i'));
  expect(stdout).toMatch(new RegExp(`^${verdict.toUpperCase()} ${result.scenario.name}$`, 'm'));
  return result;
}
