import { serverOptions } from '../../options/server.js';
import { flagOf, type OptionTable } from '../../options/spec.js';
import type { Path } from '../../options/yaml.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { BEHAVIORS, type BehaviorName, MALFORMED_KINDS, type MalformedKind } from '../behaviors/behaviors.js';
import { parseRule, type Rule } from '../verdict/rule.js';
import { implicitExpectations } from './implicit.js';
import type { Cohort, Expectation, Phase, PhaseAction, Scenario, ScenarioChange } from './model.js';
import { inOneLine, type PhaseFile, type ScenarioFile } from './schema.js';

export interface Origin {
  readonly source: string;
  readonly overrides: readonly string[];
  readonly changes: readonly ScenarioChange[];
  readonly sha256: string;
  /** Takes the place of the file's seed. */
  readonly seed: number | undefined;
  /** The line in the file of what a path names. */
  readonly lineOf: (path: Path) => number;
}

/** Turns a file that is known to be good into a scenario: names into indexes, texts into rules, gaps into defaults. */
export function completeScenario(file: ScenarioFile, origin: Origin): Scenario {
  const { source, overrides, changes, sha256, seed = file.seed } = origin;
  const completer = new Completer(file, origin);
  const cohorts = completer.cohorts();
  const expectations = completer.expectations(file.expect, ['expect']);
  const implicit =
    file.implicit === 'on' ? implicitExpectations(expectations, origin.lineOf(['expect'])) : [];
  return {
    name: file.name,
    summary: inOneLine(file.summary),
    seed,
    source,
    overrides,
    changes,
    sha256,
    serverFlags: Object.entries(file.server).flatMap(([key, value]) =>
      flagsFor(key, value as string | undefined),
    ),
    namespacePrefix: file.namespacePrefix,
    heartbeatIntervalMs: heartbeatIntervalOf(file),
    cohorts,
    phases: file.phases.map((phase, index) => completer.phase(phase, ['phases', index], cohorts)),
    namespaces: completer.namespaces,
    expectations,
    implicitExpectations: implicit,
  };
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

class Completer {
  readonly #namespaces = new Map<string, number>();
  readonly #cohortNames: readonly string[];

  constructor(
    private readonly file: ScenarioFile,
    private readonly origin: Origin,
  ) {
    this.#cohortNames = Object.keys(file.cohorts);
  }

  get namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  cohorts(): Cohort[] {
    return Object.entries(this.file.cohorts).map(([name, cohort]): Cohort => {
      const { hello } = cohort;
      return {
        name,
        clients: cohort.clients,
        namespaces: (cohort.namespaces ?? [name]).map((namespace) => this.#indexOf(namespace)),
        behavior: cohort.behavior as BehaviorName,
        hello: hello === false ? undefined : { namespace: hello === true ? undefined : hello.namespace },
        settings: {
          pongDelayMs: cohort.pongDelay ?? 5000,
          pauseMs: cohort.pause ?? (cohort.readRate === undefined ? 3000 : 0),
          readBytesPerSecond: cohort.readRate ?? 0,
          resetAfterMs: cohort.resetAfter ?? 1000,
          kinds: cohort.kinds ?? (Object.keys(MALFORMED_KINDS) as MalformedKind[]),
          dropEveryMs: cohort.dropEvery ?? 0,
          backoffScale: cohort.backoffScale ?? 1,
        },
      };
    });
  }

  expectations(texts: readonly string[], path: Path): Expectation[] {
    return texts.map((text, index) => ({
      text,
      rule: parseRule(text, this.#cohortNames) as Rule,
      line: this.origin.lineOf([...path, index]),
    }));
  }

  phase(phase: PhaseFile, path: Path, cohorts: readonly Cohort[]): Phase {
    const action = this.#action(phase, cohorts);
    return {
      label: this.#label(phase),
      expectations: this.expectations(phase.expect ?? [], [...path, 'expect']),
      abortOnFail: phase.abortOnFail ?? false,
      ...action,
    };
  }

  #action(phase: PhaseFile, cohorts: readonly Cohort[]): PhaseAction {
    if (phase.connect !== undefined) {
      const { cohort, rate = 1000, ramp, timeout } = phase.connect;
      const arrivals = {
        fromPerSecond: ramp?.from ?? rate,
        toPerSecond: ramp?.to ?? rate,
        overMs: ramp?.over,
      };
      const isAtOnce = phase.connect['at-once'] === true;
      return {
        kind: 'connect',
        cohort: this.#cohort(cohort),
        arrivals: isAtOnce ? undefined : arrivals,
        timeoutMs: timeout,
      };
    }
    if (phase.emit !== undefined) {
      const { rate, via, batch, connections, settle, count, cursorLength, mayFail } = phase.emit;
      return {
        kind: 'emit',
        via: via as 'api' | 'autocannon',
        namespaces: this.#targets(phase.emit.namespaces, cohorts),
        ratePerSecond: rate,
        durationMs: phase.emit.for ?? ((count ?? 0) * 1000) / (rate ?? 1),
        batch,
        cursorLength: cursorLength ?? 0,
        connections,
        settleMs: settle,
        mayFail,
      };
    }
    if (phase.disconnect !== undefined) {
      const { cohort, how, fraction } = phase.disconnect;
      return {
        kind: 'disconnect',
        cohort: this.#cohort(cohort),
        how: how as 'close' | 'reset' | 'vanish',
        fraction,
      };
    }
    if (phase.churn !== undefined) {
      const { cohort, rate, for: durationMs, how } = phase.churn;
      return {
        kind: 'churn',
        cohort: this.#cohort(cohort),
        ratePerSecond: rate,
        durationMs,
        how: how as 'close' | 'reset' | 'vanish',
      };
    }
    if (phase['restart-server'] !== undefined) {
      return { kind: 'restart-server', downtimeMs: phase['restart-server'].downtime };
    }
    if (phase['shutdown-server'] !== undefined) return { kind: 'shutdown-server' };
    if (phase.parallel !== undefined) {
      return { kind: 'parallel', phases: phase.parallel.map((inner) => this.#action(inner, cohorts)) };
    }
    if (phase.repeat !== undefined) {
      const once = phase.repeat.phases.map((inner) => this.#action(inner, cohorts));
      return { kind: 'sequence', phases: Array.from({ length: phase.repeat.times }, () => once).flat() };
    }
    return { kind: 'hold', durationMs: phase.hold ?? 0 };
  }

  #label(phase: PhaseFile): string {
    if (phase.connect !== undefined) {
      const { cohort, rate = 1000, ramp } = phase.connect;
      const speed =
        phase.connect['at-once'] === true
          ? 'at once'
          : ramp === undefined
            ? `at ${formatCount(rate)}/s`
            : `at ${formatCount(ramp.from)} to ${formatCount(ramp.to)}/s`;
      return `connect ${cohort}: ${formatCount(this.file.cohorts[cohort]?.clients ?? 0)} ${speed}`;
    }
    if (phase.emit !== undefined) {
      const { rate, via, batch, count } = phase.emit;
      const { length } = phase.emit.namespaces;
      const where =
        phase.emit.namespaces[0] === 'all'
          ? 'all namespaces'
          : `${formatCount(length)} ${length === 1 ? 'namespace' : 'namespaces'}`;
      const speed = rate === undefined ? 'as fast as it goes' : `at ${formatCount(rate)}/s`;
      const end =
        count === undefined ? `for ${formatDuration(phase.emit.for ?? 0)}` : `until ${formatCount(count)}`;
      return `emit to ${where} ${speed} ${end}${batch === 1 ? '' : ` in batches of ${batch}`}${via === 'api' ? '' : ` with ${via}`}`;
    }
    if (phase.disconnect !== undefined) {
      const { cohort, how, fraction } = phase.disconnect;
      return `disconnect ${fraction === 1 ? '' : `${Math.round(fraction * 100)} % of `}${cohort}${how === 'close' ? '' : ` by ${how}`}`;
    }
    if (phase.churn !== undefined) {
      const { cohort, rate, for: durationMs, how } = phase.churn;
      return `churn ${cohort} at ${formatCount(rate)}/s for ${formatDuration(durationMs)}${how === 'close' ? '' : ` by ${how}`}`;
    }
    if (phase['restart-server'] !== undefined) return 'restart the server';
    if (phase['shutdown-server'] !== undefined) return 'shut the server down';
    if (phase.parallel !== undefined) return atOnce(phase.parallel.map((inner) => this.#label(inner)));
    if (phase.repeat !== undefined) {
      return `${phase.repeat.times} times: ${phase.repeat.phases.map((inner) => this.#label(inner)).join(', ')}`;
    }
    return `hold for ${formatDuration(phase.hold ?? 0)}`;
  }

  #cohort(name: string): number {
    return this.#cohortNames.indexOf(name);
  }

  #indexOf(namespace: string): number {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    this.#namespaces.set(namespace, this.#namespaces.size);
    return this.#namespaces.size - 1;
  }

  #targets(names: readonly string[], cohorts: readonly Cohort[]): number[] {
    // Twice the same would take two turns, and its cursors would seem to repeat.
    if (names.length !== 1 || names[0] !== 'all')
      return [...new Set(names.map((name) => this.#indexOf(name)))];
    const reachable = cohorts.filter(({ behavior }) => BEHAVIORS[behavior].token === 'own');
    return [...new Set(reachable.flatMap(({ namespaces }) => namespaces))];
  }
}

/** Names phases that run at once; many of them by their kinds alone. */
function atOnce(labels: readonly string[]): string {
  const all = labels.join(' | ');
  if (all.length <= 110) return all;
  const kinds = new Map<string, number>();
  for (const label of labels) {
    const kind = label.split(' ', 1)[0] as string;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return `at once: ${[...kinds].map(([kind, count]) => (count === 1 ? kind : `${count} × ${kind}`)).join(', ')}`;
}
