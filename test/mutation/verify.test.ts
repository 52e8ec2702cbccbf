import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses } from '../support/cli-process.js';
import { faultyCommand } from '../support/faulty-bench.js';
import { type ReportedClause, runVerify } from '../support/verify-process.js';
import { VERIFY_FAULTS } from './verify-faults.js';

// Whole runs of verify against every fault. They write the table of docs/verify.md.

const LONG_MS = 240_000;
const PAGE = join(import.meta.dirname, '../../docs/verify.md');
const MARKED = /(<!-- faults -->\n)([\s\S]*?)(<!-- \/faults -->)/;

/** Rows of the table, by fault. */
const rows = new Map<string, string>();

afterEach(disposeProcesses);
afterAll(() => {
  const page = readFileSync(PAGE, 'utf8');
  // Rows of faults that this run left out stay as they are.
  for (const row of MARKED.exec(page)?.[2]?.split('\n') ?? []) {
    const fault = /^\| ([\w-]+) \|/.exec(row)?.[1] ?? '';
    if (!rows.has(fault) && fault in VERIFY_FAULTS) rows.set(fault, row);
  }
  const lines = Object.keys(VERIFY_FAULTS).flatMap((fault) => rows.get(fault) ?? []);
  const table = ['| fault | clauses that fail | exit | for example |', '| --- | --- | --: | --- |', ...lines];
  writeFileSync(
    PAGE,
    page.replace(MARKED, (_, start, __, end) => `${start}${table.join('\n')}\n${end}`),
  );
});

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

/** What a clause expected and got, short. */
function example({ id, failure }: ReportedClause): string {
  const words = `${id}: expected ${failure?.expected}, got ${failure?.got}`;
  return cell(words.length > 140 ? `${words.slice(0, 139)}…` : words);
}

test(
  'a server without a fault passes',
  async () => {
    const { code, failed, output } = await runVerify(
      '--server-command',
      faultyCommand(undefined),
      '--strict',
    );
    expect(failed, output).toEqual([]);
    expect(code, output).toBe(0);
  },
  LONG_MS,
);

describe.each(Object.entries(VERIFY_FAULTS))('a server with the fault %s', (fault, clauses) => {
  test(
    `fails ${clauses.join(' and ')}`,
    async () => {
      const command = faultyCommand(fault);
      const { code, failed, clauses: all, output } = await runVerify('--server-command', command, '--strict');
      const first = all.find(({ id }) => id === clauses[0]);
      const bold = failed.map((id) => (clauses.includes(id) ? `**${id}**` : id));
      if (first?.failure !== undefined)
        rows.set(fault, `| ${fault} | ${bold.join(', ')} | ${code} | ${example(first)} |`);
      expect(failed, output).toEqual(expect.arrayContaining([...clauses]));
      expect(code, output).toBe(1);
    },
    LONG_MS,
  );
});
