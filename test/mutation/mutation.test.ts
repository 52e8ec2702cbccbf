import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { shippedScenarios } from '../../src/bench/scenario/load.js';
import { disposeProcesses } from '../support/cli-process.js';
import { type BenchOutcome, benchWith, FAULTY_SERVER, faultyCommand } from '../support/faulty-bench.js';
import { type Catch, EXCEPTIONS, FAULTS, NOT_RUN } from './faults.js';

/** Longer than any shipped scenario but `soak` takes. */
const WITHIN_MS = 120_000;

/** In the place of a fault, where there is none. */
const NONE = '(none)';

/** Rows of the table: fault, scenario, expectation, actual value, exit code. */
const rows: string[][] = [];
const startedAtMs = performance.now();

afterEach(disposeProcesses);
afterAll(() => {
  const text = page();
  process.stdout.write(`\n${text}\n`);
  // Of a run of some of the tests (`-t`) there is a table, but no document.
  const inTable = new Set(rows.flatMap(([fault, scenario]) => [fault, fault === NONE ? scenario : fault]));
  const wanted = [...Object.keys(FAULTS), ...shipped.filter((name) => !NOT_RUN.includes(name))];
  if (!wanted.every((name) => inTable.has(name))) return;
  const docs = join(import.meta.dirname, '../../docs');
  mkdirSync(docs, { recursive: true });
  writeFileSync(join(docs, 'mutation.md'), text);
});

const shipped = await shippedScenarios();

/** Runs a shipped scenario as it ships. One that says of itself that it is not valid says nothing, and gets a second try. */
async function run(scenario: string, fault?: string): Promise<BenchOutcome> {
  const args = [scenario, '--server-command', faultyCommand(fault)];
  const outcome = await benchWith(args, { withinMs: WITHIN_MS });
  return outcome.code === 5 ? benchWith(args, { withinMs: WITHIN_MS }) : outcome;
}

/** Checks that rules are broken as they have to be, and writes that down. */
function expectBroken(outcome: BenchOutcome, fault: string, catches: readonly Catch[]): void {
  const reported = outcome.reported(catches.map(({ rule }) => rule));
  for (const { rule, actual, held } of reported) {
    const { scenario } = catches[0] as Catch;
    rows.push([fault, scenario, `\`${rule}\``, held ? `${actual} (held)` : actual, String(outcome.code)]);
  }
  expect(reported, outcome.output).toEqual(
    catches.map(({ rule, actual }) => ({
      rule,
      held: false,
      actual: typeof actual === 'string' ? actual : expect.stringMatching(actual),
    })),
  );
  expect(outcome.code, outcome.output).toBe(1);
}

describe('a server without a fault', () => {
  const exceptions = (name: string) => EXCEPTIONS.filter(({ scenario }) => scenario === name);

  test('is excused from nothing that is not there', () => {
    for (const { scenario } of EXCEPTIONS) expect(shipped).toContain(scenario);
    for (const scenario of NOT_RUN) expect(shipped).toContain(scenario);
  });

  test.each(shipped.filter((name) => !NOT_RUN.includes(name)))(
    'passes %s',
    async (scenario) => {
      const outcome = await run(scenario);
      const excused = exceptions(scenario);
      if (excused.length === 0) {
        rows.push([
          NONE,
          scenario,
          'every rule holds',
          outcome.broken.join('; ') || '✓',
          String(outcome.code),
        ]);
        expect(outcome.broken, outcome.output).toEqual([]);
        expect(outcome.code, outcome.output).toBe(0);
      } else {
        expectBroken(outcome, NONE, excused);
        expect(outcome.broken, outcome.output).toHaveLength(excused.length);
      }
    },
    2 * WITHIN_MS,
  );
});

test('every fault that the server knows is in the table, and no other', () => {
  const { stderr } = spawnSync(process.execPath, [FAULTY_SERVER, '--fault', 'none of them'], {
    encoding: 'utf8',
  });
  const known = /Expected one of (.*)\./.exec(stderr)?.[1]?.split(', ');
  expect(Object.keys(FAULTS).sort()).toEqual(known?.sort());
});

describe.each(Object.entries(FAULTS))('a server with the fault %s', (fault, catches) => {
  test.each([...new Set(catches.map(({ scenario }) => scenario))])(
    'fails %s, by the rules that are about it',
    async (scenario) => {
      const outcome = await run(scenario, fault);
      expectBroken(
        outcome,
        fault,
        catches.filter((one) => one.scenario === scenario),
      );
    },
    2 * WITHIN_MS,
  );
});

/** The table, and how it came about. */
function page(): string {
  const table = [
    ['fault', 'scenario', 'expectation', 'actual value', 'exit'],
    ['---', '---', '---', '---', '--:'],
  ];
  const lines = [...table, ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  );
  const minutes = Math.round((performance.now() - startedAtMs) / 60_000);
  return `# Mutation check: the shipped scenarios can fail

A check that cannot fail proves nothing. \`test/support/faulty-server.mjs\` is a small DataFn server that shares no code with
\`datafn-ws serve\` and, on request, makes one mistake. Every fault has to fail a shipped scenario, as it ships, with exit 1
and by the rule that covers it; without a fault, every scenario has to pass, except for the rules named below the table.

\`\`\`sh
npm run test:mutation
\`\`\`

Last run on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.versions.node}, in ${minutes} minutes. Each row is a rule of a run of
\`datafn-ws bench SCENARIO --server-command 'node test/support/faulty-server.mjs --fault FAULT'\`.

${lines.join('\n')}

Without a fault, these rules do not hold, because the server is not ours:

${EXCEPTIONS.map(({ scenario, rule, because }) => `- \`${rule}\` of ${scenario}: ${because}.`).join('\n')}

\`soak\` takes ten minutes and is not part of this; \`remote\` is for a server by URL, and is checked by
\`test/realtime/remote.full.test.ts\`.
`;
}
