import { DatafnWsError } from '../../protocol/errors.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import type { QuantityName } from '../model/quantity.js';
import { actionsOf, clientCount, type PhaseAction, type Scenario } from '../model/scenario.js';
import type { EmitPhase } from '../phases/emit.js';
import { PHASE_KINDS } from '../phases/index.js';

/** How long the connect phases of a search for the greatest connect rate last. */
const CONNECT_SECONDS = 10;

/** A phase of a scenario file, and where it stands there. */
interface RawPhase {
  readonly kind: string;
  /** Of its settings, as `--set` takes it. */
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where its rules stand, if it has any. */
  readonly rules: string | undefined;
}

/** Changes of a scenario, as `--set` takes them. */
type Changes = readonly string[];

/**
 * How a scenario puts a load on a server: the changes that make it any other load. Its own rules are about the load in
 * the file, so others take their place.
 */
export class Loads {
  readonly #phases: readonly RawPhase[];

  /**
   * @param raw the scenario as the file has it, with the user's own changes.
   * @param scenario the same, complete.
   * @param rules what must hold at every load; `undefined` for {@link defaultRules}.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a scenario that has nothing to raise.
   */
  constructor(
    private readonly of: QuantityName,
    raw: unknown,
    private readonly scenario: Scenario,
    private readonly rules: readonly string[] | undefined,
  ) {
    this.#phases = [...phasesIn(at(raw, 'phases'), 'phases')];
    const refuse = (why: string) => {
      throw new DatafnWsError('ERR_INVALID_OPTION', `--of ${of}: the scenario ${scenario.name} ${why}`);
    };
    if (of === 'connect-rate' && this.#connects.length === 0)
      refuse('has no `connect` whose arrivals are a plain `rate`.');
    if (of === 'emit-rate' || of === 'deliveries') {
      const shaped = this.#emits.find(({ settings }) => !isPlainRate(settings.rate));
      if (this.#emits.length === 0) refuse('emits nothing.');
      if (shaped !== undefined) refuse(`has an emit without a plain \`rate\` such as 50/s (${shaped.path}).`);
    }
    if (of === 'deliveries' && this.#base === 0) refuse('emits to namespaces without clients.');
  }

  get #emits(): readonly RawPhase[] {
    return this.#phases.filter(({ kind }) => kind === 'emit');
  }

  get #connects(): readonly RawPhase[] {
    return this.#phases.filter(
      ({ kind, settings }) =>
        kind === 'connect' &&
        settings.ramp === undefined &&
        settings.stages === undefined &&
        settings.atOnce === undefined &&
        (settings.rate === undefined || isPlainRate(settings.rate)),
    );
  }

  /** The load of the scenario as it is written. */
  get #base(): number {
    const { scenario } = this;
    if (this.of === 'clients') return clientCount(scenario);
    return Math.max(0, ...scenario.phases.map((phase) => peak(phase, (emit) => this.#loadOf(emit))));
  }

  #loadOf({ ratePerSecond = 0, namespaces }: EmitPhase): number {
    if (this.of === 'emit-rate') return ratePerSecond;
    const receivers = namespaces.reduce((total, one) => total + receiversIn(this.scenario, one), 0);
    return (ratePerSecond * receivers) / namespaces.length;
  }

  /** The changes that make it a load. */
  at(load: number): Changes {
    const clients = this.#clientsAt(load);
    return [
      ...clients.map(([name, count]) => `cohorts.${name}.clients=${count}`),
      ...this.#ratesAt(load),
      ...this.#phases.flatMap(({ rules: place }) => (place === undefined ? [] : [`${place}=[]`])),
      `expect=${JSON.stringify(this.rulesAt(load))}`,
    ];
  }

  /** What must hold at a load. */
  rulesAt(load: number): readonly string[] {
    return [...this.#admissionRules(load), ...(this.rules ?? this.defaultRules)];
  }

  /** What must hold when the user has said nothing else. */
  get defaultRules(): readonly string[] {
    if (this.of === 'connect-rate') return ['handshake.p99 < 500ms'];
    if (this.#emits.length === 0) return ['handshake.p99 < 1s'];
    return ['cursors.lost == 0', 'fanout.p99 < 1s', 'convergence.max < 500ms'];
  }

  /** The load has to be there: every client that behaves is in. */
  #admissionRules(load: number): readonly string[] {
    const connected = new Set(
      this.scenario.phases
        .flatMap((phase) => [...actionsOf(phase)])
        .filter(({ kind }) => kind === 'connect')
        .map((action) => (action as PhaseAction & { readonly cohort: number }).cohort),
    );
    const changed = new Map(this.#clientsAt(load));
    return this.scenario.cohorts.flatMap(({ name, clients, behavior }, index) =>
      connected.has(index) && BEHAVIORS[behavior].token === 'own'
        ? [`${name}.accepted >= ${changed.get(name) ?? clients}`]
        : [],
    );
  }

  #clientsAt(load: number): readonly (readonly [string, number])[] {
    const { cohorts } = this.scenario;
    if (this.of === 'clients') return shared(load, cohorts);
    if (this.of !== 'connect-rate') return [];
    const names = new Set(this.#connects.map(({ settings }) => settings.cohort));
    return cohorts.flatMap(({ name }) => (names.has(name) ? [[name, load * CONNECT_SECONDS] as const] : []));
  }

  #ratesAt(load: number): Changes {
    if (this.of === 'clients') return [];
    if (this.of === 'connect-rate') return this.#connects.map(({ path }) => `${path}.rate=${load}/s`);
    const factor = load / this.#base;
    return this.#emits.flatMap(({ path, settings: { rate, count, batch } }) => {
      const step = typeof batch === 'number' ? batch : 1;
      const scaled =
        typeof count === 'number' ? Math.max(step, Math.round((count * factor) / step) * step) : 0;
      return [
        `${path}.rate=${scaledRate(String(rate), factor)}`,
        ...(scaled === 0 ? [] : [`${path}.count=${scaled}`]),
      ];
    });
  }
}

/** A number of clients, divided among cohorts as the file divides its own; each has at least one. */
function shared(
  clients: number,
  cohorts: Scenario['cohorts'],
): readonly (readonly [name: string, clients: number])[] {
  const all = clientCount({ cohorts });
  let before = 0;
  return cohorts.map((cohort) => {
    // From one running total to the next: rounding adds up to nothing.
    const from = Math.round((clients * before) / all);
    before += cohort.clients;
    return [cohort.name, Math.max(1, Math.round((clients * before) / all) - from)] as const;
  });
}

const PLAIN_RATE = /^\s*([\d.]+)\s*(\/\s*[a-z]+)\s*$/i;

function isPlainRate(value: unknown): boolean {
  return typeof value === 'string' && PLAIN_RATE.test(value);
}

function scaledRate(rate: string, factor: number): string {
  const [, number = '1', unit = '/s'] = PLAIN_RATE.exec(rate) ?? [];
  return `${Number((Number(number) * factor).toPrecision(9))}${unit}`;
}

/** The greatest sum of what emits do at once. */
function peak(action: PhaseAction, loadOf: (emit: EmitPhase) => number): number {
  const inner = (action.phases ?? []).map((one) => peak(one, loadOf));
  if (action.kind === 'parallel') return inner.reduce((total, one) => total + one, 0);
  return Math.max(action.kind === 'emit' ? loadOf(action as EmitPhase) : 0, ...inner);
}

/** Clients that get what is emitted into a namespace. */
function receiversIn({ cohorts }: Scenario, namespace: number): number {
  return cohorts.reduce((total, { behavior, clients, namespaces }) => {
    if (BEHAVIORS[behavior].token !== 'own' || BEHAVIORS[behavior].reads === 'nothing') return total;
    const [whole, rest] = [Math.floor(clients / namespaces.length), clients % namespaces.length];
    return namespaces.reduce(
      (sum, one, index) => sum + (one === namespace ? whole + (index < rest ? 1 : 0) : 0),
      total,
    );
  }, 0);
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** Every phase of a list, those inside of others included. */
function* phasesIn(list: unknown, path: string): Generator<RawPhase> {
  if (!Array.isArray(list)) return;
  for (const [index, phase] of list.entries()) {
    if (typeof phase !== 'object' || phase === null) continue;
    for (const [kind, settings] of Object.entries(phase)) {
      if (!Object.hasOwn(PHASE_KINDS, kind)) continue;
      const here = `${path}[${index}].${kind}`;
      const own = typeof settings === 'object' && settings !== null ? settings : {};
      const rules = at(phase, 'expect') === undefined ? undefined : `${path}[${index}].expect`;
      yield { kind, path: here, settings: own as RawPhase['settings'], rules };
      yield* Array.isArray(settings)
        ? phasesIn(settings, here)
        : phasesIn(at(settings, 'phases'), `${here}.phases`);
    }
  }
}
