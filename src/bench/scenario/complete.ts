import { serverOptions } from '../../options/server-options.js';
import { flagOf, type OptionTable } from '../../options/spec.js';
import type { Path } from '../../options/yaml.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import type { Expectation, Phase, Scenario, ScenarioChange } from '../model/scenario.js';
import { PHASE_KINDS } from '../phases/index.js';
import type { PhaseFile, PhaseNames } from '../phases/kind.js';
import { parseRule, type Rule } from '../verdict/rule.js';
import { completeCohort, inOneLine, type ScenarioFile } from './schema.js';

export interface Origin {
  readonly source: string;
  readonly overrides: readonly string[];
  readonly changes: readonly ScenarioChange[];
  readonly sha256: string;
  /** Replaces the seed of the file. */
  readonly seed: number | undefined;
  /** The line in the file of what a path names. */
  readonly lineOf: (path: Path) => number;
}

/** Turns a checked file into a scenario: names into indexes, texts into rules, gaps into defaults. */
export function completeScenario(file: ScenarioFile, origin: Origin): Scenario {
  const { source, overrides, changes, sha256, seed = file.seed, lineOf } = origin;
  const indexes = new Map<string, number>();
  const namespaceIndex = (namespace: string) => {
    const index = indexes.get(namespace) ?? indexes.size;
    indexes.set(namespace, index);
    return index;
  };
  const cohorts = Object.entries(file.cohorts).map(([name, cohort]) =>
    completeCohort(name, cohort, namespaceIndex),
  );
  const cohortNames = cohorts.map(({ name }) => name);
  const rules = (texts: readonly string[], path: Path): Expectation[] =>
    texts.map((text, index) => ({
      text,
      rule: parseRule(text, cohortNames) as Rule,
      line: lineOf([...path, index]),
    }));
  const expectations = rules(file.expect, ['expect']);
  const names: PhaseNames = {
    cohorts,
    cohort: (name) => cohortNames.indexOf(name),
    namespaces(given) {
      // A namespace that was named twice would get two slots, and its cursors would seem to repeat.
      if (given.length !== 1 || given[0] !== 'all') return [...new Set(given.map(namespaceIndex))];
      const reachable = cohorts.filter(({ behavior }) => BEHAVIORS[behavior].token === 'own');
      return [...new Set(reachable.flatMap(({ namespaces }) => namespaces))];
    },
    action(phase) {
      const [kind, settings] = kindIn(phase);
      return kind.complete(settings, names);
    },
    label(phase) {
      const [kind, settings] = kindIn(phase);
      return kind.label(settings, names);
    },
  };
  const phases = file.phases.map(
    (phase, index): Phase => ({
      ...names.action(phase),
      label: names.label(phase),
      expectations: rules(phase.expect ?? [], ['phases', index, 'expect']),
      abortOnFail: phase.abortOnFail ?? false,
      only: phase.only,
    }),
  );
  return {
    name: file.name,
    summary: inOneLine(file.summary),
    seed,
    source,
    overrides,
    changes,
    sha256,
    serverFlags: Object.entries(file.server).flatMap(([key, value]) => flagsFor(key, value)),
    cluster: file.cluster,
    namespacePrefix: file.namespacePrefix,
    heartbeatIntervalMs: heartbeatIntervalOf(file),
    cohorts,
    phases,
    namespaces: [...indexes.keys()],
    expectations,
    implicitExpectations:
      file.implicit === 'on' ? implicitExpectations(expectations, lineOf(['expect'])) : [],
  };
}

/** The kind of a phase, and its settings. */
function kindIn(phase: PhaseFile) {
  const [name, kind] = Object.entries(PHASE_KINDS).find(([key]) => phase[key] !== undefined) as [
    string,
    (typeof PHASE_KINDS)[string],
  ];
  return [kind, phase[name]] as const;
}

function heartbeatIntervalOf({ server }: ScenarioFile): number {
  const { heartbeatInterval } = serverOptions;
  if (server.heartbeatInterval === undefined) return heartbeatInterval.default;
  const parsed = heartbeatInterval.parse(String(server.heartbeatInterval));
  return parsed.ok ? parsed.value : 0;
}

/** A setting of the server as flags of `serve`; a switch has no value there. */
function flagsFor(key: string, value: string | undefined): string[] {
  if (value === undefined) return [];
  const option: OptionTable[string] | undefined = serverOptions[key as keyof typeof serverOptions];
  if (option?.placeholder !== '') return [`--${flagOf(key)}`, value];
  const parsed = option.parse(value);
  return parsed.ok && parsed.value === true ? [`--${flagOf(key)}`] : [];
}

/**
 * What every DataFn server owes its clients, whatever a scenario is about: a server that loses cursors has to fail one
 * that is about limits, too. The interval of the pings is that of the scenario's `server:` settings.
 */
export const IMPLICIT_RULES = [
  'cursors.lost == 0',
  'cursors.duplicated == 0',
  'cursors.leaked == 0',
  'protocolErrors == 0',
  'refused.late == 0',
  'heartbeat.overdue == 0',
] as const;

/** The implicit rules of a scenario, without those about metrics that it has a rule for: that rule says what is allowed. */
function implicitExpectations(own: readonly Expectation[], line: number): Expectation[] {
  return IMPLICIT_RULES.flatMap((text): Expectation[] => {
    const rule = parseRule(text, []) as Rule;
    const hasOwn = own.some((one) => one.rule.metric === rule.metric && one.rule.cohort === undefined);
    return hasOwn ? [] : [{ text, rule, line, isImplicit: true }];
  });
}
