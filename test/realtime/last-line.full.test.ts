import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { BIN } from '../support/cli-process.js';
import { disposeTerminals, inTerminal, Terminal } from '../support/terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-last-'));
afterAll(() => {
  disposeTerminals();
  rmSync(folder, { recursive: true });
});

const scenario = (name: string, accepted: number) => {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `version: 1
name: ${name}
server: { maxConnectionsPerNamespace: 2 }
cohorts: { few: { clients: 3 } }
phases: [connect: { cohort: few, rate: 100/s }]
expect: ["few.accepted == ${accepted}", few.opened == 3]
`,
  );
  return file;
};

/** The lines that are on the terminal when bench has ended, without the empty ones, and its exit code. */
async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const terminal = new Terminal([process.execPath, BIN, 'bench', ...args, '--workers', '1']);
  await terminal.until(() => terminal.code !== undefined, 'the end');
  const lines = (await terminal.screen.lines()).filter((line) => line !== '');
  return { code: terminal.code as number, lines };
}

// Each scenario has two rules of its own, and two that every server owes.
describe('the last line of the terminal', () => {
  inTerminal('is the verdict in a sentence, behind the files that were written', async () => {
    const html = join(folder, 'r.html');
    const { code, lines } = await run(scenario('lower', 3), '--html', html);
    expect(code).toBe(1);
    expect(existsSync(html)).toBe(true);
    expect(lines.at(-1)).toMatch(/^FAILED lower: 1 of 4 rules failed in [\d.]+ m?s$/);
    expect(lines.at(-2)).toContain('r.html');
    // What failed, why the client was refused, and what to do, are on the screen as well.
    const screen = lines.slice(-24).join(' ').replace(/\s+/g, ' ');
    expect(screen).toContain(
      '✗ few.accepted == 3 2 1 connection in cohort few was refused with 4503 Namespace',
    );
    expect(screen).toContain("raise the server's --max-connections-per-namespace");
    expect(screen).toContain(
      'What it usually means: The server refused clients that it should have accepted',
    );
  });

  inTerminal('is the sum of several scenarios', async () => {
    const { code, lines } = await run(scenario('right', 2), scenario('wrong', 3));
    expect(code).toBe(1);
    expect(lines.slice(-4)).toEqual([
      'Overall',
      expect.stringMatching(/^ {2}PASSED right: 4 of 4 rules held in [\d.]+ m?s$/),
      expect.stringMatching(/^ {2}FAILED wrong: 1 of 4 rules failed in [\d.]+ m?s$/),
      expect.stringMatching(/^FAILED 2 scenarios: 1 passed, 1 failed; 7 of 8 rules held in [\d.]+ m?s$/),
    ]);
  });
});
