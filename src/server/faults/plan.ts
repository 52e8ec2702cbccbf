import { DELAY_MS, type OptionRule, wholeNumber } from '../../manager/checks.js';
import { FAULT_PRESET_NAMES, type FaultPreset } from '../../options/fault-presets.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { describe, isClientId, namespaceProblem } from '../../protocol/identifiers.js';
import { didYouMean } from '../../text/nearest.js';
import { FAULT_NAMES, type FaultName, type FaultSettings, faultKind, type SettingSpec } from './kinds.js';
import { presetRules } from './presets.js';

/** Which clients a rule is about; left out: everybody. */
export interface FaultMatch {
  readonly namespace?: string | undefined;
  readonly clientId?: string | undefined;
}

/** One fault, whom it strikes and how often. */
export type FaultRule = {
  readonly fault: FaultName;
  readonly match?: FaultMatch | undefined;
  /** How likely each chance is taken, from 0 to 1. Default 1. */
  readonly probability?: number | undefined;
  /** Strikes this many times and then no more. Default: always. */
  readonly next?: number | undefined;
  /** Takes every `every`th chance only. Default 1. */
  readonly every?: number | undefined;
  /** Ends this many milliseconds after it was set. Default: when it is cleared. */
  readonly forMs?: number | undefined;
} & { readonly [Name in keyof FaultSettings]?: FaultSettings[Name] | undefined };

/** What `PUT /v1/faults` takes. */
export interface FaultPlan {
  /** Makes what is random the same each time. Default 1. */
  readonly seed?: number | undefined;
  readonly rules?: readonly FaultRule[] | undefined;
  /** The rules of a preset, in place of `rules`. */
  readonly preset?: FaultPreset | undefined;
  /** Whom the rules of the preset strike. */
  readonly match?: FaultMatch | undefined;
}

/** A rule that was checked, with the defaults of its settings. */
export interface CompleteRule {
  /** As it was given. */
  readonly given: FaultRule;
  readonly fault: FaultName;
  readonly match: FaultMatch;
  readonly probability: number;
  readonly next: number;
  readonly every: number;
  readonly forMs: number | undefined;
  /** Those that its fault has. */
  readonly settings: FaultSettings;
}

/** A plan that was checked. */
export interface CompletePlan {
  readonly seed: number;
  readonly rules: readonly CompleteRule[];
}

/** More rules than a person keeps in mind. */
const MAX_RULES = 100;

const SEED = wholeNumber(0);
const PROBABILITY: OptionRule = {
  expected: 'a number from 0 to 1',
  valid: (value) => typeof value === 'number' && value >= 0 && value <= 1,
};
const WHEN: Readonly<Record<string, OptionRule>> = {
  probability: PROBABILITY,
  next: wholeNumber(1),
  every: wholeNumber(1),
  forMs: DELAY_MS,
};
const COMMON = ['fault', 'match', ...Object.keys(WHEN)];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks what `PUT /v1/faults` and the library were given.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for the first thing that does not fit, with the `field` as its cause.
 */
export function parsePlan(given: unknown): CompletePlan {
  const plan = fieldsOf(given, 'the faults', '');
  checkNames(plan, ['seed', 'rules', 'preset', 'match'], '', 'the faults');
  const seed = optional(plan.seed, SEED, 'seed') ?? 1;
  if (plan.preset !== undefined) {
    if (plan.rules !== undefined) throw wrong('Expected `rules` or `preset`, got both', 'preset');
    const name = oneOf(plan.preset, FAULT_PRESET_NAMES, 'preset', 'preset');
    const match = plan.match === undefined ? {} : { match: plan.match };
    return {
      seed: seed as number,
      rules: presetRules(name).map((rule, at) => parseRule({ ...rule, ...match }, at)),
    };
  }
  if (plan.match !== undefined) throw wrong('Expected `match` in each rule, or beside a `preset`', 'match');
  const { rules } = plan;
  if (!Array.isArray(rules)) {
    throw wrong(
      `Expected \`rules\` to be an array, got ${rules === undefined ? 'nothing' : describe(rules)}`,
      'rules',
    );
  }
  if (rules.length > MAX_RULES)
    throw wrong(`Expected at most ${MAX_RULES} rules, got ${rules.length}`, 'rules');
  return { seed: seed as number, rules: rules.map(parseRule) };
}

function parseRule(value: unknown, index: number): CompleteRule {
  const at = `rules[${index}]`;
  const rule = fieldsOf(value, at, at);
  const fault = oneOf(rule.fault, FAULT_NAMES, `${at}.fault`, 'fault');
  const { settings: specs } = faultKind(fault);
  const names = Object.keys(specs);
  // `counts` is what an answer of the API adds.
  checkNames(rule, [...COMMON, 'counts', ...names], at, `the settings of \`${fault}\``);
  for (const [name, check] of Object.entries(WHEN)) optional(rule[name], check, `${at}.${name}`);
  const {
    probability = 1,
    next = Number.POSITIVE_INFINITY,
    every = 1,
    forMs,
  } = rule as Partial<CompleteRule>;
  const { counts: _, ...plain } = rule;
  const complete = {
    given: plain as unknown as FaultRule,
    fault,
    match: parseMatch(rule.match, at),
    probability,
    next,
    every,
    forMs,
    settings: settingsOf(rule, specs, at),
  };
  checkTogether(complete, at);
  return complete;
}

function settingsOf(rule: Fields, specs: Readonly<Record<string, SettingSpec>>, at: string): FaultSettings {
  const settings: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = optional(rule[name], spec, `${at}.${name}`) ?? spec.default;
    if (value === undefined && spec.isRequired)
      throw wrong(`Expected \`${at}.${name}\` to be ${spec.expected}, got nothing`, `${at}.${name}`);
    settings[name] = value;
  }
  return settings as unknown as FaultSettings;
}

/** What only several settings together show. */
function checkTogether({ fault, match, settings }: CompleteRule, at: string): void {
  const { stage } = faultKind(fault);
  const { status, code, on, everyMs, downMs } = settings;
  if (fault === 'refuse' && (status === undefined) === (code === undefined)) {
    throw wrong(
      `Expected \`${at}\` to have a \`status\` (before the upgrade) or a \`code\` (after it), got ${status === undefined ? 'neither' : 'both'}`,
      at,
    );
  }
  if (match.clientId !== undefined && (stage === 'handshake' || stage === 'http' || on === 'open')) {
    throw wrong(
      `Expected \`${at}.match\` without \`clientId\`: a client says who it is after it has been admitted, on its WebSocket${on === 'open' ? '; with "on": "hello" it is known' : ''}`,
      `${at}.match.clientId`,
    );
  }
  if (match.clientId !== undefined && (fault === 'offline' || fault === 'restart'))
    throw wrong(
      `Expected \`${at}.match\` without \`clientId\`: \`${fault}\` is about all clients of a namespace`,
      `${at}.match.clientId`,
    );
  if (everyMs !== undefined && everyMs > 0 && (downMs === undefined || downMs >= everyMs))
    throw wrong(
      `Expected \`${at}.downMs\` to be less than \`everyMs\`, got ${downMs ?? 'nothing'}`,
      `${at}.downMs`,
    );
}

function parseMatch(value: unknown, at: string): FaultMatch {
  if (value === undefined) return {};
  const match = fieldsOf(value, `${at}.match`, `${at}.match`);
  checkNames(match, ['namespace', 'clientId'], `${at}.match`, 'a match');
  const { namespace, clientId } = match;
  const problem = namespace === undefined ? undefined : namespaceProblem(namespace);
  if (problem !== undefined)
    throw wrong(`Expected \`${at}.match.namespace\` to be ${problem}`, `${at}.match.namespace`);
  if (clientId !== undefined && !isClientId(clientId))
    throw wrong(
      `Expected \`${at}.match.clientId\` to be a client id, got ${describe(clientId)}`,
      `${at}.match.clientId`,
    );
  return match as FaultMatch;
}

function oneOf<Name extends string>(
  value: unknown,
  names: readonly Name[],
  field: string,
  what: string,
): Name {
  const name = names.find((one) => one === value);
  if (name !== undefined) return name;
  const near = typeof value === 'string' ? didYouMean(value, names) : '';
  const got = value === undefined ? 'nothing' : describe(value);
  throw wrong(
    `Expected \`${field}\` to be the name of a ${what}, got ${got}.${near || ` There are ${names.join(', ')}.`}`,
    field,
  );
}

function optional(value: unknown, rule: OptionRule, field: string): unknown {
  if (value !== undefined && !rule.valid(value))
    throw wrong(`Expected \`${field}\` to be ${rule.expected}, got ${describe(value)}`, field);
  return value;
}

function fieldsOf(value: unknown, what: string, field: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(`Expected ${what} to be an object, got ${describe(value)}`, field);
}

function checkNames(fields: Fields, known: readonly string[], at: string, where: string): void {
  for (const name of Object.keys(fields)) {
    if (known.includes(name)) continue;
    const field = at === '' ? name : `${at}.${name}`;
    const near = didYouMean(name, known);
    throw wrong(
      `Unknown ${describe(name)} in ${where}.${near || ` There are ${known.filter((one) => one !== 'counts').join(', ')}.`}`,
      field,
    );
  }
}

function wrong(message: string, field: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message, { cause: { field } });
}
