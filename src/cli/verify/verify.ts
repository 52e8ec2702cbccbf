import { withoutCommands } from '../../bench/report/formats/annotations.js';
import { terminalReport, verdictLine } from '../../bench/report/formats/terminal.js';
import { flagOf, type TracedOptions, traceOptions } from '../../options/spec.js';
import { verifyOptions } from '../../options/verify.js';
import { invalidOption } from '../../protocol/errors.js';
import { printable } from '../../text/printable.js';
import { formatAmount } from '../../text/units.js';
import type { Clause } from '../../verify/clauses/clause.js';
import { hasFailed } from '../../verify/model/result.js';
import { verifyDocument } from '../../verify/report/document.js';
import { FORMATS } from '../../verify/report/formats.js';
import { verify as runVerify } from '../../verify/run.js';
import { parseExpectedFailures, selectClauses } from '../../verify/selection.js';
import { colorsFor } from '../color.js';
import { EXIT } from '../exit-codes.js';
import { readTextInput } from '../input-files.js';
import type { Io } from '../io.js';
import { OutputFiles } from '../output-files.js';
import { StopRequests } from '../stop-requests.js';
import { targetPlan } from './target-plan.js';

/** Checks a server clause by clause, or lists the clauses; the exit code. */
export async function verify(
  url: string | undefined,
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const { values: options, origins } = traceOptions(verifyOptions, { flags, env: io.env });
  const clauses = selectClauses(options.only);
  if (options.list) return list(clauses, io);
  const { expectedFailures: file, strict: isStrict } = options;
  const expectedToFail =
    file === undefined
      ? new Set<string>()
      : parseExpectedFailures(await readTextInput(file, '--expected-failures'), file);
  const { json, junit, markdown, html } = options;
  const files = new OutputFiles(FORMATS, { json, junit, markdown, html }, io, (key) => `--${flagOf(key)}`);
  const stop = new StopRequests(io);
  try {
    if (url === undefined && options.serverCommand === undefined) checkOwn(origins);
    const plan = await targetPlan(url, options, io, stop.signal);
    const result = await runVerify({
      target: plan,
      clauses,
      expectedToFail,
      onOpen: (where, all) =>
        io.stderr.write(printable(`checking ${where}: ${formatAmount(all, 'clause')}`).concat('\n')),
      ...(io.stderr.isTTY === true ? { onResult: counter(io) } : {}),
    });
    const judged = { result, isStrict };
    const areWritten = await files.write(judged);
    const output = files.takeStdout ? 'stderr' : 'stdout';
    const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
    const document = verifyDocument(result, isStrict);
    const text = `${terminalReport(document, style)}\n${verdictLine(document, style)}`;
    io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(text) : text);
    if (stop.exitCode !== undefined) return stop.exitCode;
    if (hasFailed(result, isStrict)) return EXIT.failed.code;
    return areWritten ? EXIT.done.code : EXIT.unwritten.code;
  } finally {
    stop.dispose();
  }
}

/** Options about a server that is there already; a variable of the environment may be meant for other runs. */
const FOR_A_SERVER = ['tokenA', 'tokenB', 'tokenTemplate', 'jwtSecret', 'adminUrl', 'stopCommand'] as const;

/** @throws {DatafnWsError} `ERR_INVALID_OPTION` for a flag that does nothing without a server of the user's own. */
function checkOwn(origins: TracedOptions<typeof verifyOptions>['origins']): void {
  const useless = FOR_A_SERVER.find((key) => origins[key].kind === 'flag');
  if (useless !== undefined)
    throw invalidOption(
      `--${flagOf(useless)} is about a server of yours: add its URL. Without one, verify starts datafn-ws serve and makes its tokens itself.`,
    );
}

/** Shows on a terminal how many clauses are done. */
function counter(io: Io): (_: unknown, all: number) => void {
  let done = 0;
  return (_, all) => {
    done += 1;
    io.stderr.write(done === all ? '\r\u001b[K' : `\r${done} of ${all} clauses`);
  };
}

/** A line for each clause. */
function list(clauses: readonly Clause[], io: Io): number {
  const width = Math.max(...clauses.map(({ id }) => id.length));
  for (const { id, level, sentence, source } of clauses)
    io.stdout.write(`${printable(`${id.padEnd(width)}  ${level.padEnd(6)}  ${sentence} (${source})`)}\n`);
  return EXIT.done.code;
}
