import { type CliOptions, runCli } from './cli-process.js';
import { note } from './run-notes.js';

/** How `datafn-ws bench` ended, and what it printed. */
export interface BenchOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How often a run is repeated that says nothing about the product. */
const AGAIN = 2;

/**
 * Runs `datafn-ws bench` as a process. When bench says that the machine kept it from running (exit 5 with that
 * cause, and no other), nothing was measured: it is run again, at most twice, and the end of the test run says so.
 */
export async function runBench(
  args: readonly string[],
  options: CliOptions & { withinMs?: number } = {},
): Promise<BenchOutput> {
  for (let again = 0; ; again++) {
    const output = await runCli(['bench', ...args], options);
    const stalls = machineStalls(output);
    if (stalls === undefined || again === AGAIN) return output;
    note(`bench ${args.join(' ')}: ${stalls.join('; ')}`);
  }
}

/** Why a run is invalid, if every reason is one that bench lays to the machine. Else `undefined`. */
export function machineStalls({ code, stdout }: BenchOutput): readonly string[] | undefined {
  if (code !== 5) return undefined;
  const reasons = [...stdout.matchAll(/^ {2}! .*(?:\n {4}\S.*)*/gm)].map(([text]) =>
    text.replace(/\s+/g, ' ').slice(3),
  );
  const isOfTheMachine = (reason: string) =>
    /bottleneck: .*\((?:the machine is busy|it was not run at all|something kept it from running)/.test(
      reason,
    );
  return reasons.length > 0 && reasons.every(isOfTheMachine) ? reasons : undefined;
}
