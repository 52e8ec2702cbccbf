import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { BIN } from '../support/cli-process.js';
import { disposeTerminals, inTerminal, Terminal } from '../support/terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-live-'));
afterAll(() => {
  disposeTerminals();
  rmSync(folder, { recursive: true });
});

inTerminal(
  'in a real terminal, bench draws in place, and Ctrl-C leaves the report, the cursor and nothing else',
  async () => {
    const file = join(folder, 'waiting.yaml');
    writeFileSync(
      file,
      `version: 1
name: waiting
cohorts:
  steady: { clients: 20, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, rate: 200/s }
  - hold: 60s
expect:
  - steady.accepted == 20
`,
    );
    const terminal = new Terminal([process.execPath, BIN, 'bench', file, '--workers', '1']);
    const { screen } = terminal;
    await terminal.until(
      () => (screen.written.match(/\d\.\d s of 60\.0 s/g) ?? []).length > 2,
      'the live view',
    );
    expect(screen.showsCursor).toBe(false);
    const lines = await screen.lines();
    expect(lines.slice(0, 2)).toEqual([
      'waiting',
      expect.stringMatching(/^1\/2 connect steady: 20 at 200\/s: 20 opened in/),
    ]);
    expect(lines[2]).toMatch(/^2\/2 hold for 60 s {2}\d\.\d s$/);
    expect(lines[3]).toMatch(/^ {2}hold {2}[█░]{24} {2}\d\.\d s of 60\.0 s$/);
    expect(lines[4]).toBe('  20 of 20 connected, 0 deliveries/s, fan-out p99 –, 0 closed or failed');
    expect(lines).toHaveLength(5);
    terminal.type('\u0003');
    await terminal.until(() => terminal.code !== undefined, 'the end');
    expect(terminal.code).toBe(130);
    expect(screen.showsCursor).toBe(true);
    const left = (await screen.lines()).filter((line) => !line.startsWith('^C'));
    expect(left[2]).toMatch(/^2\/2 hold for 60 s, stopped after \d/);
    expect(left[4]).toBe('ABORTED waiting');
    // The server has not heard of it: all were still there when they were counted.
    expect(left.join('\n')).toMatch(/steady\s+open at the end\s+20/);
    expect(left.join('\n')).not.toMatch(/█|░/);
  },
);
