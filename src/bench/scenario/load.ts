import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { readFileOfAnyKind } from '../../options/read-file.js';
import { type Path, pathText, positionOf, yamlValueWords, yamlWords } from '../../options/yaml.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { didYouMean } from '../../text/nearest.js';
import { orList } from '../../text/or-list.js';
import { decodeUtf8 } from '../../text/utf8.js';
import type { Scenario } from '../model/scenario.js';
import { completeScenario } from './complete.js';
import { crossCheck, type Problem } from './cross-check.js';
import { changesOf, override, quoteAdvice, unquotedParts, unquotedValues } from './override.js';
import { scenarioSchema } from './schema.js';

const FOLDER = fileURLToPath(new URL('../../../scenarios/', import.meta.url));

/** The scenario that `bench` runs when none is named. */
export const DEFAULT_SCENARIO = 'smoke';

/** Names of the scenarios that ship with the tool. */
export async function shippedScenarios(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The file of a scenario: a shipped one by name, any other by path.
 *
 * @throws {DatafnWsError} `ERR_INVALID_SCENARIO` when there is none.
 */
export async function scenarioFile(nameOrPath: string): Promise<string> {
  const names = await shippedScenarios();
  if (nameOrPath === '') {
    throw new DatafnWsError(
      'ERR_INVALID_SCENARIO',
      `Expected a scenario to be ${orList([...names, 'the path of a file'])}, got an empty name.`,
    );
  }
  if (names.includes(nameOrPath)) return `${FOLDER}${nameOrPath}.yaml`;
  if (existsSync(nameOrPath)) return nameOrPath;
  const isPath = /[/\\]|\.ya?ml$/.test(nameOrPath);
  throw new DatafnWsError(
    'ERR_INVALID_SCENARIO',
    isPath
      ? `Scenario file not found: ${nameOrPath}.`
      : `Unknown scenario ${nameOrPath}.${didYouMean(nameOrPath, names)} Pass one of ${names.join(', ')}, or the path of a file.`,
  );
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
  return parseScenario(await readScenario(file), file, options);
}

/**
 * The text of a scenario file.
 *
 * @throws {DatafnWsError} `ERR_INVALID_SCENARIO` when there is none.
 */
export async function readScenario(file: string): Promise<string> {
  const refuse = (why: string) =>
    new DatafnWsError('ERR_INVALID_SCENARIO', `Cannot read the scenario ${file}: ${why}`);
  const bytes = await readFileOfAnyKind(file).catch((error: unknown) => {
    throw refuse(messageOf(error));
  });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw refuse('expected UTF-8, got invalid bytes');
  return text;
}

/** The values of a scenario that {@link parseScenario} takes, as the file has them, with changes by `--set`. */
export function rawScenario(text: string, set: readonly string[]): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  for (const assignment of set) override(document, text, assignment);
  return document.toJS();
}

/** As {@link loadScenario}, from a text; `source` names it in messages. */
export function parseScenario(text: string, source: string, options: LoadOptions = {}): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    throw new DatafnWsError('ERR_INVALID_SCENARIO', mistakesText(text, source, mistakes, lines));
  }
  const given = options.set ?? [];
  const assignments = given.map((assignment) => override(document, text, assignment));
  const overrides = new Set(assignments.map(({ path }) => pathText(path)));
  const { read, problems } = check(document, source);
  if (!read.success || problems.length > 0) {
    const shown = withAdvice(document, text, problems).map((problem) => ({
      ...problem,
      at: problem.at === undefined ? positionOf(document, lines, problem.path) : lines.linePos(problem.at),
    }));
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
    overrides: given,
    changes: changesOf(assignments),
    sha256: createHash('sha256')
      .update([text, ...given].join('\0'))
      .digest('hex'),
    lineOf,
  });
}

/** What is wrong with a text that is not YAML, a line each; what is only not in quotes, once. */
function mistakesText(
  text: string,
  source: string,
  mistakes: readonly YAMLError[],
  lines: LineCounter,
): string {
  const unquoted = unquotedParts(text, mistakes).map((part) => ({
    ...lines.linePos(part.start),
    message: `${quoteAdvice([part])} (without quotes, YAML reads brackets and braces as lists and maps)`,
  }));
  const others = mistakes
    .map((mistake) => ({ ...lines.linePos(mistake.pos[0]), message: yamlWords(mistake) }))
    .filter(({ line }) => !unquoted.some((one) => one.line === line))
    // What follows on the same line is mostly of the same cause.
    .filter(({ line }, index, all) => all.findIndex((one) => one.line === line) === index);
  return [...unquoted, ...others]
    .sort((a, b) => a.line - b.line || a.col - b.col)
    .map(({ line, col, message }) => `${source}:${line}:${col}: ${message}`)
    .join('\n');
}

/** Most problems that are checked for missing quotes. */
const MAX_ADVICE = 20;

/** Says of what would be right in quotes that it needs them, and where it begins. */
function withAdvice(document: Document, text: string, problems: readonly Problem[]) {
  return problems.map((problem, index): Problem & { readonly at?: number } => {
    // To find it out, the whole scenario is checked again.
    if (index >= MAX_ADVICE) return problem;
    const isRight = (changed: unknown) =>
      !problemsWith(changed).some(({ path }) => pathText(path).startsWith(pathText(problem.path)));
    const parts = unquotedValues(document, text, problem.path, isRight);
    const [first] = parts;
    if (first === undefined) return problem;
    const message = `${problem.message}; ${quoteAdvice(parts)}`;
    return { ...problem, message, at: first.start };
  });
}

function problemsWith(raw: unknown): Problem[] {
  return problemsOf(scenarioSchema.safeParse(raw ?? undefined), raw);
}

/** The values of a document, and everything that is wrong with them. */
function check(document: Document, source: string) {
  try {
    const raw: unknown = document.toJS();
    const read = scenarioSchema.safeParse(raw ?? undefined);
    return { read, problems: problemsOf(read, raw) };
  } catch (error) {
    // An alias of nothing, aliases that would expand without end, or depth: only seen when they are followed.
    const why = yamlValueWords(error);
    throw why === undefined ? error : new DatafnWsError('ERR_INVALID_SCENARIO', `${source}: ${why}`);
  }
}

function problemsOf(
  { error }: Pick<z.ZodSafeParseError<unknown>, 'error'> | { error?: undefined },
  raw: unknown,
): Problem[] {
  const issues = error?.issues ?? [];
  const idOf = (path: readonly PropertyKey[]) => JSON.stringify(path.map(String));
  // A key with a typo is a key that is missing, too: once is enough.
  const guessed = new Set<string>();
  for (const { code, path, message } of issues)
    if (code === 'unrecognized_keys')
      for (const [, key = ''] of message.matchAll(/Did you mean `(.+?)`/g))
        guessed.add(idOf(path)).add(idOf([...path, key]));
  const causes = issues.filter(({ code, path }) => code === 'unrecognized_keys' || !guessed.has(idOf(path)));
  return [...causes.flatMap(problemsOfIssue), ...crossCheck(raw)];
}

function problemsOfIssue(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  // The key of a record that is not valid: what is inside says more than "invalid key".
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues[0]?.message ?? issue.message }];
  }
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  const { keys } = issue;
  const sentences = issue.message.split('\n');
  return keys.map((key, index) => ({ path: [...path, key], message: sentences[index] ?? issue.message }));
}
