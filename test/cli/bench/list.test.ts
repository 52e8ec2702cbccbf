import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { shippedScenarios } from '../../../src/bench/scenario/load.js';
import { runWith } from '../../support/run-in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-list-'));
afterAll(() => rmSync(folder, { recursive: true }));

const mine = join(folder, 'mine.yaml');
writeFileSync(
  mine,
  `version: 1
name: mine
summary: Everything that takes a known time.
cohorts:
  few: { clients: 200 }
  more: { clients: 1000 }
phases:
  - { connect: { cohort: few, rate: 100/s }, expect: [few.opened == 200] }
  - parallel:
      - connect: { cohort: more, rate: 1000/s }
      - emit: { namespaces: all, rate: 10/s, for: 4s }
  - repeat: { times: 3, phases: [{ hold: 2s }, { hold: 500ms }] }
  - churn: { cohort: few, rate: 10/s, for: 1500ms }
  - restart-server: { downtime: 1s }
  - disconnect: { cohort: few }
expect: [cursors.lost == 0, errors == 0]
`,
);

describe('bench --list', () => {
  test('tells of each scenario that ships how many clients it has and how long it takes', async () => {
    const { code, stdout, stderr } = await runWith(['bench', '--list']);
    expect([code, stderr]).toEqual([0, '']);
    const entries = [
      ...stdout.matchAll(/^([\w-]+) \(([\d,]+) clients, about (.+?)(, the default)?\)\n {2}\S/gm),
    ];
    expect(entries.map(([, name]) => name)).toEqual(await shippedScenarios());
    expect(entries.find(([, name]) => name === 'smoke')?.slice(2)).toEqual(['1,160', '7 s', ', the default']);
    expect(entries.find(([, name]) => name === 'soak')?.[3]).toBe('10 m 11 s');
  });

  test('takes scenarios of yours, and adds up what their phases are meant to take', async () => {
    const { stdout } = await runWith(['bench', '--list', mine]);
    expect(stdout).toBe('mine (1,200 clients, about 16 s)\n  Everything that takes a known time.\n');
  });

  test('with --json - is JSON and nothing else', async () => {
    const { code, stdout, stderr } = await runWith(['bench', '--list', mine, '--json', '-']);
    expect([code, stderr]).toEqual([0, '']);
    const few = { name: 'mine', clients: 1200, phases: 6, rules: 3, plannedMs: 16_000, source: mine };
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      scenarios: [{ ...few, summary: 'Everything that takes a known time.' }],
    });
    const all = JSON.parse((await runWith(['bench', '--list', '--json', '-'])).stdout);
    expect(all.scenarios.map(({ name }: { name: string }) => name)).toEqual(await shippedScenarios());
  });

  test('with --json FILE writes it there, and lists for people as well', async () => {
    const file = join(folder, 'list.json');
    const { code, stdout, stderr } = await runWith(['bench', '--list', mine, '--json', file]);
    expect([code, stderr]).toEqual([0, `wrote ${file}\n`]);
    expect(stdout).toMatch(/^mine /);
    expect(JSON.parse(readFileSync(file, 'utf8')).scenarios).toHaveLength(1);
    const none = await runWith(['bench', '--list', '--json', join(folder, 'no', 'such')]);
    expect(none.code).toBe(2);
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test('of a scenario that is not valid says what is wrong with it', async () => {
    const broken = join(folder, 'broken.yaml');
    writeFileSync(broken, readFileSync(mine, 'utf8').replace('hold: 2s', 'hold: 2'));
    const { code, stdout, stderr } = await runWith(['bench', '--list', broken]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('broken.yaml:12:');
  });
});
