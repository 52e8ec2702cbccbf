import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { it } from 'vitest';
import { Waiters } from './deadline.js';
import { Screen } from './screen.js';

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

/** A test that needs a terminal; skipped, with a line that says so, where none can be made. */
export const inTerminal = it.runIf(canMakeTerminals);

const running = new Set<Terminal>();

/** A command in a real terminal of its own, 80 columns wide, with a screen to look at. */
export class Terminal {
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

  /** Stops reading what the command writes, as a terminal does at Ctrl-S or behind a connection that hangs. */
  stopReading(): void {
    this.child.kill('SIGSTOP');
  }

  /** Closes the terminal: the system sends SIGHUP to what runs in it. */
  close(): void {
    this.child.kill('SIGKILL');
  }

  /** Reads on. */
  readOn(): void {
    this.child.kill('SIGCONT');
  }

  until(isMet: () => boolean, what: string): Promise<void> {
    return this.#waiters.until(isMet, () => `${what}: ${JSON.stringify(this.screen.written)}`);
  }
}

/** Ends by force what still runs in terminals. For cleaning up. */
export function disposeTerminals(): void {
  for (const { child } of running) child.kill('SIGKILL');
  running.clear();
}
