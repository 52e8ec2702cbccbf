import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect } from 'vitest';
import type { LittleServer } from '../bench/fleet/little-server.js';
import { disposeLive } from './live-server.js';
import type { runWith } from './run-in-process.js';

/** Scenarios and servers for tests of the preflight, which are removed after them; `run` runs a command. */
export function preflightTests(run: (args: string[]) => ReturnType<typeof runWith>) {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-preflight-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const littles: LittleServer[] = [];
  const listeners: Server[] = [];
  afterEach(async () => {
    await disposeLive();
    await Promise.all(littles.splice(0).map((one) => one.stop()));
    for (const one of listeners.splice(0)) one.close();
  });

  function scenario(name: string, body: string): string {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, `version: 1\nname: ${name}\n${body}`);
    return file;
  }

  const QUIET = scenario(
    'quiet',
    `cohorts:
  users: { clients: 40, namespaces: "user:{1..4}" }
  noToken: { clients: 2, behavior: unauthenticated }
phases:
  - connect: { cohort: users }
expect:
  - users.accepted == 40
`,
  );
  const EMITS = scenario(
    'emits',
    `cohorts:
  users: { clients: 4, namespaces: "user:{1..4}" }
phases:
  - connect: { cohort: users }
  - emit: { namespaces: all, rate: 20/s, count: 4 }
expect:
  - users.accepted == 4
`,
  );

  /** Runs bench, which has to end with exit 3 before its run begins; the one line that says why. */
  async function causeOf(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(['bench', ...args]);
    expect(code, stderr).toBe(3);
    // Nobody connected, and nothing was measured.
    expect(stderr).not.toMatch(/^1\/\d/m);
    expect(stdout).not.toContain('Expectations');
    const lines = stderr
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('error:'));
    expect(lines, stderr).toHaveLength(1);
    return lines[0] as string;
  }

  return { folder, littles, listeners, scenario, QUIET, EMITS, causeOf };
}
