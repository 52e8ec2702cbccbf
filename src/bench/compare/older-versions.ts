import type { z } from 'zod';

/** The version of the JSON report that `bench` writes. A change that would make `compare` misread it raises it. */
export const REPORT_VERSION = 2;

type Json = z.core.util.JSONType;
type JsonObject = { [key: string]: Json };

/** Makes a report of version `n + 1` from one of version `n`, for each `n`. A step stays as it is for good. */
const STEPS: readonly ((report: JsonObject) => JsonObject)[] = [(report) => withNewNames(report)];

/** The first version. */
const FIRST = 1;

/** Whether {@link upgraded} can read a report of this version. */
export function isReadable(version: number): boolean {
  return Number.isInteger(version) && version >= FIRST && version <= REPORT_VERSION;
}

/** A report of any version up to the present one, as the present one has it. */
export function upgraded(report: JsonObject): JsonObject {
  let present = report;
  for (let version = Number(report.version); version < REPORT_VERSION; version++) {
    const step = STEPS[version - FIRST];
    if (step === undefined) throw new Error(`there is no step from version ${version}`);
    present = { ...step(present), version: version + 1 };
  }
  return present;
}

/** Version 1: metrics and counters whose names version 2 has changed. */
const METRICS_OF_1: Readonly<Record<string, string>> = {
  left: 'disconnected',
  'heartbeat.unpinged': 'heartbeat.neverPinged',
  'heartbeat.killed': 'heartbeat.falseTimeouts',
  'heartbeat.missed': 'heartbeat.undetected',
};
const COUNTERS_OF_1: Readonly<Record<string, string>> = {
  left: 'disconnected',
  killed: 'falseTimeouts',
  killedInDoubt: 'falseTimeoutsInDoubt',
};

/** Renames, at whatever depth, what version 1 called otherwise. */
function withNewNames(report: JsonObject): JsonObject {
  const results = listOf(report.results).map((result) => ({
    ...result,
    version: 2,
    expectations: listOf(result.expectations).map(renamedRule),
    ...(isObject(result.total) ? { total: renamedMeasurements(result.total) } : {}),
    ...(Array.isArray(result.phases)
      ? {
          phases: listOf(result.phases).map((phase) => ({
            ...phase,
            ...(isObject(phase.measurements)
              ? { measurements: renamedMeasurements(phase.measurements) }
              : {}),
          })),
        }
      : {}),
  }));
  return { ...report, results };
}

function renamedMeasurements(measurements: JsonObject): JsonObject {
  return {
    ...measurements,
    metrics: listOf(measurements.metrics).map(({ isLeftToChance, ...metric }) => ({
      ...metric,
      name: METRICS_OF_1[String(metric.name)] ?? metric.name ?? '',
      ...(isLeftToChance === undefined ? {} : { nondeterministic: isLeftToChance }),
    })),
    ...(Array.isArray(measurements.cohorts)
      ? {
          cohorts: listOf(measurements.cohorts).map((cohort) => ({
            ...cohort,
            ...(isObject(cohort.counters) ? { counters: withKeys(cohort.counters, COUNTERS_OF_1) } : {}),
          })),
        }
      : {}),
  };
}

/** A rule is paired with that of another run by its text, so the text has to have the new name as well. */
function renamedRule(rule: JsonObject): JsonObject {
  const { metric, cohort, rule: text } = rule;
  const name = METRICS_OF_1[String(metric)];
  if (name === undefined || typeof text !== 'string') return rule;
  const path = (metricName: string) => (typeof cohort === 'string' ? `${cohort}.${metricName}` : metricName);
  const old = path(String(metric));
  return {
    ...rule,
    metric: name,
    rule: text.startsWith(old) ? `${path(name)}${text.slice(old.length)}` : text,
  };
}

function withKeys(object: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names[key] ?? key, value]));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
