import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Document, isMap, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Path, pathText, positionOf } from '../../options/yaml-positions.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { didYouMean } from '../../protocol/nearest.js';
import { completeScenario } from './complete.js';
import { crossCheck, type Problem } from './cross-check.js';
import type { Scenario } from './model.js';
import { scenarioSchema } from './schema.js';

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
  let raw: unknown;
  try {
    raw = document.toJS();
  } catch (error) {
    // An alias of nothing, or aliases that would expand without end: only seen when they are followed.
    throw new DatafnWsError('ERR_INVALID_SCENARIO', `${source}: ${messageOf(error)}`);
  }
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
  const lineOf = (path: Path) => positionOf(document, lines, path).line;
  return completeScenario(read.data, {
    source,
    seed: options.seed,
    overrides: options.set ?? [],
    sha256: createHash('sha256')
      .update([text, ...(options.set ?? [])].join('\0'))
      .digest('hex'),
    lineOf,
  });
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
  const given = parseDocument(assignment.slice(equals + 1), { prettyErrors: false });
  try {
    if (given.errors[0] !== undefined) throw new Error(`its value is no YAML: ${given.errors[0].message}`);
    const value: unknown = given.toJS();
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
