import type { JsonReport } from '../../src/bench/report/schema.js';
import { MEANINGS } from '../../src/bench/report/verdict-words.js';
import { type CliOptions, runCli } from './cli-process.js';
import { note } from './run-notes.js';

/** How `datafn-ws bench` ended, and what it printed. */
export interface BenchOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BenchRunOptions extends CliOptions {
  /** How long until a run that does not end is given up. Default: as any event. */
  readonly withinMs?: number;
  /** Why a run says nothing about the product, else `undefined`. Default: {@link machineStalls}. */
  readonly stallsOf?: (output: BenchOutput) => readonly string[] | undefined;
}

/**
 * How often a run is repeated, at most, that says nothing about the product: more often while stress-tests.mjs stops the
 * processes of bench itself, every few seconds.
 */
const AGAIN = process.env.STOPPED_AT_RANDOM === undefined ? 2 : 5;

/** Runs `datafn-ws bench` as a process; see {@link unlessStalled}. */
export function runBench(args: readonly string[], options: BenchRunOptions = {}): Promise<BenchOutput> {
  return unlessStalled(`bench ${args.join(' ')}`, () => runCli(['bench', ...args], options), {
    stallsOf: options.stallsOf,
  });
}

interface RepeatOptions extends Pick<BenchRunOptions, 'stallsOf'> {
  /** Gets why a run is repeated, each time. */
  readonly say?: (what: string) => void;
  /** How often it is repeated. */
  readonly atMost?: number;
}

/**
 * A run of bench that says something. When bench says that the machine kept it from running (exit 5 with that
 * cause, and no other), nothing was measured: it is run again, as a rule at most twice, and the end of the test run says so.
 */
export async function unlessStalled<Output extends BenchOutput>(
  what: string,
  run: () => Promise<Output>,
  { say = note, atMost = AGAIN, stallsOf = machineStalls }: RepeatOptions = {},
): Promise<Output> {
  for (let again = 0; ; again++) {
    const output = await run();
    const stalls = stallsOf(output);
    if (stalls === undefined || again === atMost) return output;
    say(`${what}: ${stalls.join('; ')}`);
  }
}

/** Why a run is invalid, if every reason is one that bench lays to the machine. Else `undefined`. */
export function machineStalls({ code, stdout }: BenchOutput): readonly string[] | undefined {
  if (code !== 5) return undefined;
  const reasons = stdout.startsWith('{') ? reasonsInJson(stdout) : reasonsInText(stdout);
  const isOfTheMachine = (reason: string) =>
    /bottleneck: .*\((?:the machine is busy|it did not run at all|something kept it from running)|^The machine is busy: /.test(
      reason,
    );
  return reasons.length > 0 && reasons.every(isOfTheMachine) ? reasons : undefined;
}

/** The lines with a `!` under each `INVALID`; the first says what that means. Sections below have such lines, too. */
function reasonsInText(stdout: string): string[] {
  const heads = [...stdout.matchAll(/^INVALID .*\n(?: .*\n)*/gm)].map(([text]) => text);
  return [...heads.join('').matchAll(/^ {2}! .*(?:\n {4}\S.*)*/gm)]
    .map(([text]) => text.replace(/\s+/g, ' ').slice(3))
    .filter((text) => text !== `${MEANINGS.invalid}.`);
}

const reasonsInJson = (stdout: string) =>
  (JSON.parse(stdout) as JsonReport).results.flatMap(({ invalidReasons, problems }) => [
    ...(invalidReasons ?? []),
    ...(problems ?? []),
  ]);
