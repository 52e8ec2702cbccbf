import { fileURLToPath } from 'node:url';
import { AnnouncedProcesses } from './announced-process.js';
import { type BenchRunOptions, runBench } from './bench-process.js';
import type { ListeningLine } from './cli-process.js';

export const FAULTY_SERVER = fileURLToPath(new URL('./faulty-server.mjs', import.meta.url));

/** A rule as the report has it. */
export interface ReportedRule {
  readonly rule: string;
  readonly held: boolean;
  /** The value that was measured, as shown. */
  readonly actual: string;
}

export interface BenchOutcome {
  readonly code: number | null;
  readonly output: string;
  /** What the report says of each of `rules`; those that it does not have are left out. */
  reported(rules: readonly string[]): ReportedRule[];
  /** Every line of the report about a rule that did not hold. */
  readonly broken: readonly string[];
}

/** A command that starts the faulty server, for `--server-command`. */
export function faultyCommand(fault: string | undefined, ...flags: readonly string[]): string {
  const words = [
    process.execPath,
    FAULTY_SERVER,
    ...(fault === undefined ? [] : ['--fault', fault]),
    ...flags,
  ];
  return words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' ');
}

/** Runs `datafn-ws bench` with arguments, and reads its report. */
export async function benchWith(args: readonly string[], options?: BenchRunOptions): Promise<BenchOutcome> {
  const { code, stdout, stderr } = await runBench(args, options);
  const lines = ruleLines(stdout);
  return {
    code,
    output: stdout + stderr,
    broken: lines.filter((line) => line.startsWith('✗ ')).map((line) => line.slice(2)),
    reported: (rules) =>
      rules.flatMap((rule) => {
        const line = lines.find((one) => one.slice(2).startsWith(`${rule} `));
        if (line === undefined) return [];
        // Between the two stand the phase of a rule, or that it is implicit.
        const actual = line.slice(2 + rule.length).replace(/^ (?:\(implicit\)|in ".*?["…])/, '');
        return [{ rule, held: line.startsWith('✓ '), actual: actual.trim() }];
      }),
  };
}

/** The lines of the report about rules, in one line each even where it had to break them, blanks as in the rule. */
function ruleLines(stdout: string): string[] {
  const lines: string[] = [];
  // At the end of the report, those that did not hold stand once more, with why.
  const sections = [...stdout.matchAll(/^Expectations\n([\s\S]*?)\n\n/gm)].map(([, section = '']) => section);
  for (const line of sections.join('\n').split('\n')) {
    if (/^ {2}[✓✗–] /.test(line)) lines.push(line.trim());
    else if (/^ {4}\S/.test(line) && lines.length > 0) lines.push(`${lines.pop()} ${line.trim()}`);
  }
  return lines.map((line) => line.replace(/\s+/g, ' '));
}

const servers = new AnnouncedProcesses(['ignore', 'pipe', 'inherit', 'ipc']);

/** Starts the faulty server with flags, for a run by URL, and waits until it listens. */
export function startFaulty(...flags: readonly string[]): Promise<ListeningLine> {
  return servers.start(process.execPath, [FAULTY_SERVER, '--json', ...flags], 'the faulty server');
}

/** Ends every server that {@link startFaulty} has started. */
export const stopFaulty = () => servers.stop();
