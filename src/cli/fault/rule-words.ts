import type { FaultOptions } from '../../options/fault.js';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { FAULT_NAMES, type FaultName, faultKind } from '../../server/faults/kinds.js';
import { type FaultPlan, type FaultRule, parsePlan } from '../../server/faults/plan.js';
import { didYouMean } from '../../text/nearest.js';
import { parseDuration, parseSize } from '../../text/units.js';

/**
 * The rule that a command line asks for, such as `delay delay=200ms jitter=50ms -n user:alice --next 3`.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`
 */
export function ruleOf(
  fault: string,
  settings: readonly string[],
  options: Pick<FaultOptions, 'namespace' | 'clientId' | 'next' | 'every' | 'probability' | 'for'>,
): FaultRule {
  const name = FAULT_NAMES.find((one) => one === fault);
  if (name === undefined) {
    const near = didYouMean(fault, FAULT_NAMES);
    throw invalidOption(
      `Expected the name of a fault, got ${describe(fault)}.${near || ` The faults are ${FAULT_NAMES.join(', ')}.`}`,
    );
  }
  const { namespace, clientId, next, every, probability, for: forMs } = options;
  const match = defined({ namespace, clientId });
  const rule = {
    fault: name,
    ...(Object.keys(match).length === 0 ? {} : { match }),
    ...Object.fromEntries(settings.map((text) => settingOf(name, text))),
    ...defined({
      next,
      every,
      probability: probability === undefined ? undefined : Number(probability),
      forMs,
    }),
  };
  return checked({ rules: [rule] }).rules?.[0] as FaultRule;
}

/**
 * A plan that was checked, as it was given.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`, in the words of a command line where there is one rule.
 */
export function checked(plan: FaultPlan): FaultPlan {
  try {
    parsePlan(plan);
  } catch (error) {
    const message = messageOf(error);
    throw invalidOption(plan.rules?.length === 1 ? inFlags(message) : message);
  }
  return plan;
}

/** A message about a plan of one rule, in the words of a command line: `delay`, a duration, is `delayMs` there. */
function inFlags(message: string): string {
  return message
    .replaceAll('rules[0].', '')
    .replace(
      /`(\w+)Ms` to be a number of milliseconds from \d+ to \d+/,
      '`$1` to be a duration such as 200ms',
    );
}

function defined(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** `delay=200ms` as `delayMs: 200`. Names may be written without their unit, and values with one. */
function settingOf(fault: FaultName, text: string): [name: string, value: unknown] {
  const { settings } = faultKind(fault);
  const names = Object.keys(settings);
  const [given = '', ...rest] = text.split('=');
  const value = rest.join('=');
  if (given === '' || rest.length === 0)
    throw invalidOption(
      `Expected a setting to be NAME=VALUE, such as ${example(names)}, got ${describe(text)}.`,
    );
  const camel = given.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const name = names.find((one) => one === camel || one === `${camel}Ms`);
  if (name === undefined) {
    const near =
      didYouMean(camel, [...names, ...names.map((one) => one.replace(/Ms$/, ''))]) ||
      (names.length > 0 ? ` Its settings are ${names.join(', ')}.` : ` ${fault} has no settings.`);
    throw invalidOption(`Unknown setting ${describe(given)} of ${fault}.${near}`);
  }
  return [name, settingValue(name, value)];
}

function settingValue(name: string, text: string): unknown {
  if (name === 'text' || name === 'reason' || name === 'on') return text;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const parsed = name.endsWith('Ms')
    ? parseDuration(text)
    : name === 'bytesPerSecond'
      ? parseSize(text)
      : undefined;
  if (parsed?.ok) return parsed.value;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function example(names: readonly string[]): string {
  const [name = 'delayMs'] = names;
  return name.endsWith('Ms') ? `${name.replace(/Ms$/, '')}=200ms` : `${name}=1`;
}
