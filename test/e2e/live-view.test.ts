import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BIN } from '../support/cli-process.js';
import { Waiters } from '../support/deadline.js';
import { Screen } from '../support/screen.js';

/** The command of util-linux that runs another one in a pseudo-terminal. */
const SCRIPT = '/usr/bin/script';
const canMakeTerminals = (() => {
  try {
    accessSync(SCRIPT, constants.X_OK);
    return process.platform === 'linux';
  } catch {
    return false;
  }
})();
// What is missing on somebody's machine is skipped, and said; in CI it is a mistake in the set-up.
if (!canMakeTerminals && process.env.CI === 'true') throw new Error(`CI has no ${SCRIPT}`);

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-live-'));
const running = new Set<Terminal>();
afterAll(() => {
  for (const { child } of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A command in a real terminal of its own, 80 columns wide, with a screen to look at. */
class Terminal {
  readonly screen = new Screen(80);
  readonly child;
  code: number | null | undefined;
  readonly #waiters = new Waiters();

  constructor(command: readonly string[]) {
    const quoted = command.map((word) => `'${word}'`).join(' ');
    this.child = spawn(SCRIPT, ['-qefc', `stty cols 80 rows 24; exec ${quoted}`, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.screen.write(text);
      this.#waiters.changed();
    });
    this.child.on('exit', (code) => {
      this.code = code;
      this.#waiters.changed();
    });
    running.add(this);
  }

  type(keys: string): void {
    this.child.stdin.write(keys);
  }

  until(isMet: () => boolean, what: string): Promise<void> {
    return this.#waiters.until(isMet, () => `${what}: ${JSON.stringify(this.screen.written)}`, 20_000);
  }
}

test.runIf(canMakeTerminals)(
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
      () => (screen.written.match(/0\.\d s of 60\.0 s/g) ?? []).length > 2,
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
