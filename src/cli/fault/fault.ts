import type { ApiClient } from '../../emit/api-client.js';
import { type FaultOptions, faultOptions } from '../../options/fault.js';
import { resolveOptions } from '../../options/spec.js';
import { DatafnWsError, invalidOption } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import type { FaultsView } from '../../server/faults/active-rule.js';
import { FAULT_NAMES } from '../../server/faults/kinds.js';
import type { FaultPlan, FaultRule } from '../../server/faults/plan.js';
import { didYouMean } from '../../text/nearest.js';
import { printable, printableJson } from '../../text/printable.js';
import { formatAmount } from '../../text/units.js';
import { runApiCommand } from '../api-command.js';
import { readInputOrStdin } from '../input-files.js';
import type { Io } from '../io.js';
import { checked, ruleOf } from './rule-words.js';

const ACTIONS = ['set', 'list', 'clear'] as const;

/** Sets, lists or clears the faults of a running server. Returns the exit code. */
export async function fault(
  action: string,
  name: string | undefined,
  settings: readonly string[],
  flags: Readonly<Record<string, string>>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(faultOptions, { flags, env: io.env });
  const asked = ACTIONS.find((one) => one === action);
  if (asked === undefined)
    throw invalidOption(
      `Expected set, list or clear, got ${describe(action)}.${didYouMean(action, ACTIONS)}`,
    );
  if (asked !== 'set' && name !== undefined)
    throw invalidOption(`Expected nothing after ${asked}, got ${describe(name)}.`);
  const plan = asked === 'set' ? await planOf(name, settings, options, io) : undefined;
  return runApiCommand(options, io, async (client) => {
    const view = await ask(client, asked, plan, options);
    io.stdout.write(options.json ? `${printableJson(view)}\n` : shown(view));
    return 0;
  });
}

/** What `set` sends. */
async function planOf(
  name: string | undefined,
  settings: readonly string[],
  options: FaultOptions,
  io: Io,
): Promise<FaultPlan> {
  const { preset, file, namespace, clientId, seed } = options;
  const sources = [name, preset, file].filter((one) => one !== undefined);
  if (sources.length !== 1) {
    throw invalidOption(
      `Expected the name of a fault, --preset or --file, got ${sources.length === 0 ? 'none of them' : 'several'}. The faults are ${FAULT_NAMES.join(', ')}.`,
    );
  }
  const seeded = seed === undefined ? {} : { seed };
  if (name !== undefined) return { ...seeded, rules: [ruleOf(name, settings, options)] };
  for (const flag of ['next', 'every', 'probability', 'for'] as const)
    if (options[flag] !== undefined) throw invalidOption(`Expected --${flag} with the name of a fault only.`);
  if (preset !== undefined) {
    const match = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(clientId === undefined ? {} : { clientId }),
    };
    return checked({ ...seeded, preset, ...(Object.keys(match).length === 0 ? {} : { match }) });
  }
  const text = (await readInputOrStdin(file as string, '--file', io)).toString();
  try {
    return checked({ ...(JSON.parse(text) as FaultPlan), ...seeded });
  } catch (error) {
    if (error instanceof DatafnWsError) throw error;
    throw invalidOption(`Expected --file to be JSON: ${(error as Error).message}`);
  }
}

async function ask(
  client: ApiClient,
  action: (typeof ACTIONS)[number],
  plan: FaultPlan | undefined,
  { add, preset }: FaultOptions,
): Promise<FaultsView> {
  if (action === 'list') return viewOf(await client.get('/v1/faults'));
  if (action === 'clear') return viewOf(await client.call('DELETE', '/v1/faults'));
  if (!add) return viewOf(await client.call('PUT', '/v1/faults', plan));
  if (preset !== undefined) throw invalidOption('Expected --add without --preset.');
  const { seed, rules } = viewOf(await client.get('/v1/faults'));
  const all = { seed, ...plan, rules: [...rules, ...(plan?.rules ?? [])] };
  return viewOf(await client.call('PUT', '/v1/faults', all));
}

/** The part of an answer that is printed. */
function viewOf(answer: unknown): FaultsView {
  const { seed, rules, isActive } = (answer ?? {}) as Partial<FaultsView>;
  if (typeof seed !== 'number' || !Array.isArray(rules) || typeof isActive !== 'boolean')
    throw new DatafnWsError(
      'ERR_REFUSED',
      'The server refused: an answer without `rules`; is it a datafn-ws server?',
    );
  return { seed, rules: rules as FaultsView['rules'], isActive };
}

const WORDS: Readonly<Record<string, string>> = { namespace: 'namespace', clientId: 'client' };

/** The faults of a server, a line each. */
function shown({ rules, isActive }: FaultsView): string {
  if (rules.length === 0) return 'no faults\n';
  const width = Math.max(...rules.map(({ fault: name }) => name.length));
  const lines = rules.map((rule) => {
    const { used, seen, isOver } = rule.counts;
    const chances = seen === used ? '' : ` in ${formatAmount(seen, 'chance')}`;
    const uses = used === 0 ? 'has not struck yet' : `has struck ${formatAmount(used, 'time')}${chances}`;
    const counts = `${uses}${isOver ? ', over' : ''}`;
    return `${rule.fault.padEnd(width)}  ${printable([...aboutOf(rule), counts].join('; '))}\n`;
  });
  return `${lines.join('')}${isActive ? 'To stop: npx datafn-ws fault clear\n' : ''}`;
}

function aboutOf({ fault: _, match = {}, counts, ...settings }: FaultRule & { counts: unknown }): string[] {
  const whom = Object.entries(match).map(([name, value]) => `${WORDS[name] ?? name} ${value}`);
  const how = Object.entries(settings).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? printableJson(value) : value}`,
  );
  return [whom.length === 0 ? 'all clients' : whom.join(', '), ...(how.length === 0 ? [] : [how.join(', ')])];
}
