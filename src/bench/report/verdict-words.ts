import type { Tone, VerdictName } from './model.js';
import type { JsonResult } from './schema.js';

/** How a verdict is shown, in every format. Signs stand beside colors: half of all logs have none. */
export const VERDICTS: Readonly<
  Record<
    VerdictName,
    { readonly word: string; readonly sign: string; readonly icon: string; readonly tone: Tone }
  >
> = {
  passed: { word: 'passed', sign: '✓', icon: '✅', tone: 'good' },
  failed: { word: 'failed', sign: '✗', icon: '❌', tone: 'bad' },
  regressed: { word: 'regressed', sign: '✗', icon: '❌', tone: 'bad' },
  invalid: { word: 'invalid', sign: '!', icon: '⚠️', tone: 'warn' },
  aborted: { word: 'aborted', sign: '■', icon: '⏹️', tone: 'warn' },
  warned: { word: 'changed', sign: '!', icon: '⚠️', tone: 'warn' },
  improved: { word: 'improved', sign: '✓', icon: '✅', tone: 'good' },
  same: { word: 'same', sign: '✓', icon: '✅', tone: 'good' },
};

/** What a verdict means, as the first sentence of a report says it. */
export const MEANINGS: Readonly<Record<JsonResult['verdict'], string>> = {
  passed: 'The server did what this scenario expects',
  failed: 'The server did not do what this scenario expects',
  regressed: 'The server did what this scenario expects, but is worse than in the baseline',
  invalid:
    'This run says nothing about the server, good or bad. Do not rely on the numbers: fix the problems marked ! below, then run it again',
  aborted: 'This run was stopped before the end. The numbers cover the part that ran',
};
