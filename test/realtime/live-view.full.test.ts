import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, vi } from 'vitest';
import { BIN } from '../support/cli-process.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';
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
      expect.stringMatching(/^1\/2 connect 20 clients \(steady\) at 200\/s: 20 opened in/),
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
    expect(left.join('\n')).toMatch(/steady\s+accepted\s+open at the end\s+20/);
    expect(left.join('\n')).not.toMatch(/█|░/);
  },
);

inTerminal(
  'a terminal that is not read holds up neither the run nor its report, and then shows all of it in order',
  async () => {
    const [file, report] = [join(folder, 'short.yaml'), join(folder, 'short.json')];
    writeFileSync(
      file,
      `version: 1
name: short
cohorts:
  steady: { clients: 20, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, rate: 40/s }
  - hold: 10ms
    expect:
${Array.from({ length: 3000 }, (_, index) => `      - errors == ${index + 1}\n`).join('')}expect:
  - steady.accepted == 20
`,
    );
    const args = ['bench', file, '--workers', '1', '--json', report];
    const terminal = new Terminal([process.execPath, BIN, ...args]);
    const { screen } = terminal;
    await terminal.until(() => screen.written.includes('clients (steady)'), 'the live view');
    terminal.stopReading();
    await vi.waitFor(
      () => expect(existsSync(report) && readFileSync(report, 'utf8').endsWith('}\n')).toBe(true),
      {
        timeout: EVENT_WITHIN_MS,
        interval: 100,
      },
    );
    expect(JSON.parse(readFileSync(report, 'utf8')).results[0].phases).toHaveLength(2);
    terminal.readOn();
    await terminal.until(() => terminal.code !== undefined, 'the end');
    expect(terminal.code).toBe(1);
    const lines = await screen.lines();
    expect(lines.at(-1)).toMatch(/^FAILED short/);
    // All of it came, from both streams in the order in which it was written.
    const written = screen.written.slice(screen.written.indexOf('✗ errors == 1 '));
    expect(written.match(/✗ errors == \d+ /g)).toHaveLength(9000);
    expect(written.replace(/\s+/g, ' ')).toMatch(
      /✗ errors == 3000 .* Expectations ✗ errors == 1 .* ✗ errors == 3000 .* wrote .* FAILED short: 3,000 of 3,003/,
    );
    expect(screen.showsCursor).toBe(true);
  },
);
