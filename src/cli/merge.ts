import { mergedResult } from '../bench/merge/merge.js';
import { readShards } from '../bench/merge/read-shards.js';
import { withoutCommands } from '../bench/report/formats/annotations.js';
import { loadRenderers } from '../bench/report/formats/index.js';
import { terminalReport, verdictLine } from '../bench/report/formats/terminal.js';
import { jsonReport } from '../bench/report/json.js';
import { reportDocument } from '../bench/report/sections/document.js';
import { resolveOptions } from '../options/spec.js';
import { invalidOption } from '../protocol/errors.js';
import { exitCodeOf } from './bench/exit-code.js';
import { mergeFlags } from './bench/merge-flags.js';
import { ReportFiles } from './bench/report-files.js';
import { colorsFor } from './color.js';
import { EXIT } from './exit-codes.js';
import { readInputOrStdin } from './input-files.js';
import type { Io } from './io.js';

/** Makes one result of the reports of all shards; the exit code. */
export async function merge(
  names: readonly string[],
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(mergeFlags, { flags, env: io.env });
  if (names.length === 0)
    throw invalidOption('Expected the JSON reports of all shards. Try: npx datafn-ws merge shard-*.json');
  const twice = names.find((name, index) => name !== '-' && names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidOption(`Expected each report once, got ${twice} twice.`);
  if (names.filter((name) => name === '-').length > 1)
    throw invalidOption('Only one report can come from stdin, got - twice.');
  const files = new ReportFiles(await loadRenderers(), options, io);
  const read = await Promise.all(
    names.map(async (file) => ({
      file: file === '-' ? 'stdin' : file,
      json: (await readInputOrStdin(file, 'the report of a shard', io)).toString(),
    })),
  );
  const result = mergedResult(readShards(read), options.strict);
  const areWritten = await files.write(jsonReport([result], []));
  const output = files.takeStdout ? 'stderr' : 'stdout';
  const style = { colors: colorsFor(io, output), columns: Math.max(40, io[output].columns ?? 80) };
  const document = reportDocument(result);
  const text = `${terminalReport(document, style)}\n${verdictLine(document, style)}`;
  io[output].write(io.env.GITHUB_ACTIONS === 'true' ? withoutCommands(text) : text);
  if (result.aborted) return EXIT.invalid.code;
  return exitCodeOf([result], undefined) || (areWritten ? EXIT.done.code : EXIT.unwritten.code);
}
