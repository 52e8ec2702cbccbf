import { clientCount } from '../../bench/model/scenario.js';
import { plannedTotalMs } from '../../bench/phases/index.js';
import { DEFAULT_SCENARIO, shippedScenarios } from '../../bench/scenario/load.js';
import { printable, printableJson } from '../../text/printable.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import { wrap } from '../../text/wrap.js';
import { colorsFor } from '../color.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';
import { OutputFiles } from '../output-files.js';
import type { BenchFlags } from './options.js';
import { loadAll } from './plans.js';

/** Scenarios as data, for programs. */
interface ScenarioList {
  /** Version of this format. */
  readonly version: 1;
  readonly scenarios: readonly ListedScenario[];
}

interface ListedScenario {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly clients: number;
  readonly phases: number;
  /** Expectations, those of single phases included. */
  readonly rules: number;
  /** What the phases add up to as they are written; start, settling and a slow machine come on top. */
  readonly plannedMs: number;
}

/** Lists the scenarios that ship, or those that are named; the exit code. */
export async function list(names: readonly string[], options: BenchFlags, io: Io): Promise<number> {
  const { json } = options;
  const formats = { json: (content: ScenarioList) => `${printableJson(content, 2)}\n` };
  const files = new OutputFiles(formats, { json }, io, (format) => `--${format}`);
  const loaded = await loadAll(names.length === 0 ? await shippedScenarios() : names, options);
  const scenarios = loaded.map((scenario): ListedScenario => {
    const { name, summary, source, phases, expectations } = scenario;
    return {
      name,
      summary,
      source,
      clients: clientCount(scenario),
      phases: phases.length,
      rules: phases.reduce((total, phase) => total + phase.expectations.length, expectations.length),
      plannedMs: Math.round(plannedTotalMs(scenario)),
    };
  });
  const areWritten = await files.write({ version: 1, scenarios });
  if (!files.takeStdout) for (const one of scenarios) io.stdout.write(entry(one, io));
  return areWritten ? 0 : EXIT.unwritten.code;
}

function entry({ name, summary, clients, plannedMs }: ListedScenario, io: Io): string {
  const colors = colorsFor(io, 'stdout');
  const isDefault = name === DEFAULT_SCENARIO ? ', the default' : '';
  const facts = `(${formatAmount(clients, 'client')}, ${aboutSeconds(plannedMs)}${isDefault})`;
  // A pipe gets a line, whatever its length; on a terminal it is broken between words.
  const { columns } = io.stdout;
  const shown = printable(summary);
  const lines = columns === undefined ? [shown] : wrap(shown, Math.max(20, columns - 2));
  return `${colors.bold(printable(name))} ${colors.dim(facts)}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Nobody needs to know it more exactly: how long it really takes depends on the machine. */
function aboutSeconds(ms: number): string {
  return `about ${formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))}`;
}
