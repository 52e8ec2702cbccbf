import { readFileSync } from 'node:fs';
import { startCli } from '../../support/cli-process.js';
import { within } from '../../support/deadline.js';
import { childrenOf } from '../../support/process-tree.js';
import { runWith } from '../../support/run-in-process.js';
import type { Random } from '../random.js';
import { SECRET } from './conduct.js';

/** How long a command may take against any server: its own deadlines add up to less. */
const END_WITHIN_MS = 120_000;
const LOOK_MS = 100;
const TOKENS = { DATAFN_WS_ADMIN_TOKEN: SECRET };

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The most memory that its process, or one that it started, had resident; 0 when it ran in this process. */
  readonly peakBytes: number;
}

/** A command that talks to a server. `listen` will be another. */
export interface Victim {
  /** How many runs of a thousand are of it. */
  readonly share: number;
  /** The exit codes that `docs/codes.md` gives for what a server can do. */
  readonly exits: readonly number[];
  /** Runs it against a server at a port of this machine. */
  run(port: number, random: Random, folder: string): Promise<Ended>;
}

export const VICTIMS: Readonly<Record<string, Victim>> = {
  emit: {
    share: 970,
    exits: [0, 1, 3],
    async run(port, random) {
      const { args, input } = emitArgs(port, random);
      const ended = await within(runWith(args, TOKENS, false, input), 'the end of emit', END_WITHIN_MS);
      return { ...ended, peakBytes: 0 };
    },
  },
  'emit process': {
    share: 20,
    exits: [0, 1, 3],
    run(port, random) {
      const { args, input } = emitArgs(port, random);
      return runProcess(args, input);
    },
  },
  bench: {
    share: 10,
    exits: [0, 1, 3, 5],
    run(port, random, folder) {
      const at = `127.0.0.1:${port}`;
      const args = [
        'bench',
        `${folder}/hostile.yaml`,
        '--url',
        `ws://${at}/ws`,
        '--admin-url',
        `http://${at}`,
      ];
      const odds = [
        ['--token-template', `${SECRET}-{i}`],
        ['--token-via', random.pick(['query', 'header', 'cookie', 'subprotocol'])],
        ['--workers', '1'],
        [random.chance(0.8) ? '--no-preflight' : '--preflight'],
      ];
      return runProcess([...args, ...odds.flat()], '');
    },
  },
};

/** A few clients, so that many kinds of conduct meet in one run. */
export const HOSTILE_SCENARIO = `version: 1
name: hostile-server
cohorts:
  steady: { clients: 30, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, atOnce: true, timeout: 2s }
  - emit: { namespaces: all, rate: 20/s, for: 500ms, settle: 500ms }
  - disconnect: { cohort: steady }
expect:
  - steady.accepted >= 0
`;

function emitArgs(port: number, random: Random): { args: string[]; input: string } {
  const url = ['--url', `http://127.0.0.1:${port}${random.pick(['', '/', '/base'])}`];
  const json = random.chance(0.2) ? ['--json'] : [];
  if (random.chance(0.6)) return { args: ['emit', '7', '-n', 'a', '-n', 'b', ...url, ...json], input: '' };
  const lines = Array.from({ length: 20 }, (_, index) => `{"namespace":"a","cursor":"${index}"}\n`);
  return { args: ['emit', '--file', '-', '--keep-going', ...url, ...json], input: lines.join('') };
}

async function runProcess(args: readonly string[], input: string): Promise<Ended> {
  const started = startCli(args, { env: TOKENS });
  let peakBytes = 0;
  const look = () => {
    for (const pid of [started.pid, ...childrenOf(started.pid).map((child) => child.pid)])
      peakBytes = Math.max(peakBytes, mostResident(pid));
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    started.end(input);
    const { code } = await started.ended(END_WITHIN_MS);
    return { code, stdout: started.stdout, stderr: started.stderr, peakBytes };
  } finally {
    clearInterval(timer);
    await started.dispose();
  }
}

function mostResident(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}
