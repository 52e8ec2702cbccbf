import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { didYouMean } from '../../protocol/nearest.js';
import { formatCount, formatDuration } from '../../protocol/units.js';
import { METRICS } from '../verdict/metrics.js';
import { parseRule } from '../verdict/rule.js';
import { BEHAVIORS, type BehaviorName } from './behaviors.js';
import type { Cohort, Expectation, Phase, Scenario } from './model.js';
import { type PhaseFile, type ScenarioFile, scenarioSchema } from './schema.js';

type Path = readonly (string | number)[];

/** Something wrong with a scenario, and where. */
interface Problem {
  readonly path: Path;
  readonly message: string;
}

export interface LoadOptions {
  /** `path=value` texts that change the file's values before they are checked. */
  readonly set?: readonly string[];
  /** Takes the place of the file's seed. */
  readonly seed?: number;
}

/**
 * Reads and checks a scenario file.
 *
 * @throws {DatafnWsError} `ERR_INVALID_SCENARIO` with everything that is wrong, a line each.
 */
export async function loadScenario(file: string, options: LoadOptions = {}): Promise<Scenario> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DatafnWsError('ERR_INVALID_SCENARIO', `Cannot read the scenario ${file}: ${messageOf(error)}`);
  }
  return parseScenario(text, file, options);
}

/** As {@link loadScenario}, from a text; `source` names it in messages. */
export function parseScenario(text: string, source: string, options: LoadOptions = {}): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return `${source}:${line}:${col}: ${message.split('\n', 1)[0]}`;
    });
    throw new DatafnWsError('ERR_INVALID_SCENARIO', problems.join('\n'));
  }
  const overrides = new Set((options.set ?? []).map((assignment) => override(document, assignment)));
  const raw: unknown = document.toJS();
  const read = scenarioSchema.safeParse(raw);
  const problems: Problem[] = [
    ...(read.success ? [] : read.error.issues.flatMap(problemsOf)),
    ...crossCheck(raw),
  ];
  if (!read.success || problems.length > 0) {
    const shown = problems.map((problem) => ({ ...problem, at: positionOf(document, lines, problem.path) }));
    shown.sort((a, b) => a.at.line - b.at.line || a.at.col - b.at.col);
    const messages = shown.map(({ at, path, message }) => {
      const where = path.length === 0 ? '' : `${pathText(path)}: `;
      const isSet = overrides.has(pathText(path));
      return isSet ? `--set ${where}${message}` : `${source}:${at.line}:${at.col}: ${where}${message}`;
    });
    throw new DatafnWsError('ERR_INVALID_SCENARIO', [...new Set(messages)].join('\n'));
  }
  return complete(
    read.data,
    source,
    options.seed,
    (index) => positionOf(document, lines, ['expect', index]).line,
  );
}

/** Puts the value of `cohorts.steady.clients=500` into the document; returns the path. */
function override(document: Document, assignment: string): string {
  const equals = assignment.indexOf('=');
  if (equals < 1) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --set to be PATH=VALUE such as cohorts.steady.clients=500, got ${JSON.stringify(assignment)}.`,
    );
  }
  const path = assignment
    .slice(0, equals)
    .trim()
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const value: unknown = parseDocument(assignment.slice(equals + 1)).toJS();
  try {
    if (path.length > 1 && !document.hasIn(path.slice(0, -1)))
      throw new Error('there is nothing at that path');
    document.setIn(path, value);
  } catch (error) {
    const names = isMap(document.contents) ? pathsOf(document.toJS()) : [];
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --set ${pathText(path)} to name a value of the scenario: ${messageOf(error)}.${didYouMean(pathText(path), names)}`,
    );
  }
  return pathText(path);
}

/** Every path of a value, as `--set` takes it. */
function pathsOf(value: unknown, prefix: Path = []): string[] {
  if (typeof value !== 'object' || value === null) return [pathText(prefix)];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, child]) => pathsOf(child, [...prefix, key]));
}

function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  // The key of a record that is not valid: what is inside says more than "invalid key".
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues[0]?.message ?? issue.message }];
  }
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  const { keys } = issue;
  const sentences = issue.message.split(/ (?=there is no key)/);
  return keys.map((key, index) => ({ path: [...path, key], message: sentences[index] ?? issue.message }));
}

/** Line and column of what a path names; of the nearest thing around it when it is not there. */
function positionOf(document: Document, lines: LineCounter, path: Path): { line: number; col: number } {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
    const range = isNode(pair?.key) ? pair.key.range : undefined;
    if (range) return lines.linePos(range[0]);
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isNode(node) && node.range) return lines.linePos(node.range[0]);
  return path.length === 0 ? { line: 1, col: 1 } : positionOf(document, lines, path.slice(0, -1));
}

/** What one part of a file says of another: names of cohorts, and the rules. Reads raw values, so that it can speak beside the schema. */
function crossCheck(raw: unknown): Problem[] {
  const { cohorts, phases, expect } = asObject(raw);
  const names = Object.keys(asObject(cohorts));
  const problems: Problem[] = [];
  const roots = new Set(Object.keys(METRICS).map((name) => name.split('.')[0] as string));
  for (const name of names) {
    if (roots.has(name))
      problems.push({
        path: ['cohorts', name],
        message: `a cohort cannot be called \`${name}\`: that is a metric`,
      });
  }
  for (const [index, phase] of asArray(phases).entries()) {
    for (const [kind, settings] of Object.entries(asObject(phase))) {
      const { cohort } = asObject(settings);
      if (typeof cohort !== 'string' || names.includes(cohort)) continue;
      problems.push({
        path: ['phases', index, kind, 'cohort'],
        message: `there is no cohort \`${cohort}\`.${didYouMean(cohort, names)}`,
      });
    }
  }
  for (const [index, text] of asArray(expect).entries()) {
    if (typeof text !== 'string') continue;
    const rule = parseRule(text, names);
    if (typeof rule === 'string') problems.push({ path: ['expect', index], message: rule });
  }
  return problems;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Turns names into indexes and texts into rules. The file is known to be good. */
function complete(
  file: ScenarioFile,
  source: string,
  seed: number | undefined,
  lineOf: (expectation: number) => number,
): Scenario {
  const indexes = new Map<string, number>();
  const indexOf = (namespace: string): number => {
    const known = indexes.get(namespace);
    if (known !== undefined) return known;
    indexes.set(namespace, indexes.size);
    return indexes.size - 1;
  };
  const cohortNames = Object.keys(file.cohorts);
  const cohorts = Object.entries(file.cohorts).map(
    ([name, cohort]): Cohort => ({
      name,
      clients: cohort.clients,
      namespaces: (cohort.namespaces ?? [name]).map(indexOf),
      behavior: cohort.behavior as BehaviorName,
      hello: cohort.hello,
    }),
  );
  const reachable = new Set(
    cohorts
      .filter(({ behavior }) => BEHAVIORS[behavior].token === 'own')
      .flatMap(({ namespaces }) => namespaces),
  );
  const namespacesOf = (names: readonly string[]) =>
    names.length === 1 && names[0] === 'all' ? [...reachable] : names.map(indexOf);
  const phases = file.phases.map((phase) => completePhase(phase, cohorts, namespacesOf));
  return {
    name: file.name,
    summary: file.summary,
    seed: seed ?? file.seed,
    source,
    serverFlags: Object.entries(file.server).flatMap(([key, value]) =>
      value === undefined ? [] : [`--${flagOf(key)}`, value as string],
    ),
    cohorts,
    phases,
    namespaces: [...indexes.keys()],
    expectations: file.expect.map(
      (text, index): Expectation => ({
        text,
        rule: parseRule(text, cohortNames) as Exclude<ReturnType<typeof parseRule>, string>,
        line: lineOf(index),
      }),
    ),
  };
}

function completePhase(
  phase: PhaseFile,
  cohorts: readonly Cohort[],
  namespacesOf: (names: readonly string[]) => number[],
): Phase {
  const cohortOf = (name: string) => cohorts.findIndex((cohort) => cohort.name === name);
  if (phase.connect !== undefined) {
    const { cohort, rate, timeout } = phase.connect;
    const clients = cohorts[cohortOf(cohort)]?.clients ?? 0;
    return {
      kind: 'connect',
      label: `connect ${cohort}: ${formatCount(clients)} at ${formatCount(rate)}/s`,
      cohort: cohortOf(cohort),
      ratePerSecond: rate,
      timeoutMs: timeout,
    };
  }
  if (phase.emit !== undefined) {
    const { rate, via, batch, connections, settle } = phase.emit;
    const namespaces = namespacesOf(phase.emit.namespaces);
    const durationMs = phase.emit.for ?? ((phase.emit.count ?? 0) * 1000) / (rate ?? 1);
    const speed = rate === undefined ? 'as fast as it goes' : `at ${formatCount(rate)}/s`;
    const where = `${formatCount(namespaces.length)} ${namespaces.length === 1 ? 'namespace' : 'namespaces'}`;
    return {
      kind: 'emit',
      label: `emit to ${where} ${speed} for ${formatDuration(durationMs)}${via === 'api' ? '' : ` with ${via}`}`,
      via: via as 'api' | 'autocannon',
      namespaces,
      ratePerSecond: rate,
      durationMs,
      batch,
      connections,
      settleMs: settle,
    };
  }
  if (phase.disconnect !== undefined) {
    const { cohort } = phase.disconnect;
    return { kind: 'disconnect', label: `disconnect ${cohort}`, cohort: cohortOf(cohort) };
  }
  const durationMs = phase.hold ?? 0;
  return { kind: 'hold', label: `hold for ${formatDuration(durationMs)}`, durationMs };
}
