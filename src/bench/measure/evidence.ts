/** Faults of which the first is kept as evidence. They are counters of a tally as well. */
export const FAULTS = ['lost', 'duplicated', 'reordered', 'leaked', 'foreign', 'protocolErrors'] as const;

export type Fault = (typeof FAULTS)[number];

/** One delivery, or frame, that was wrong. */
export interface Sighting {
  /** From the beginning of the run: when it came, or, of a lost cursor, when it was due. */
  readonly atMs: number;
  /** Number of the client within its cohort. */
  readonly client: number;
  /** The namespace that the client belongs to. */
  readonly namespace: string;
  /** The cursor; nothing where it is too long to be shown. */
  readonly cursor?: string;
  /** Of a leaked one: the namespace that it was emitted to. */
  readonly emittedTo?: string;
  /** Of a reordered one: the newest that the client had before. */
  readonly after?: string;
  /** Of a protocol error: what the server did. */
  readonly breach?: string;
}

export type EvidenceData = readonly (readonly [Fault, Sighting])[];

/** The first of each fault, however many there are. Costs nothing while there are none. */
export class Evidence {
  #firsts: Map<Fault, Sighting> | undefined;

  /** Takes one; `tell` is asked for it only when it is the earliest so far. */
  note(fault: Fault, atMs: number, tell: () => Omit<Sighting, 'atMs'>): void {
    const first = this.#firsts?.get(fault);
    if (first !== undefined && first.atMs <= atMs) return;
    this.#firsts ??= new Map();
    this.#firsts.set(fault, { atMs, ...tell() });
  }

  add(data: EvidenceData): void {
    for (const [fault, { atMs, ...rest }] of data) this.note(fault, atMs, () => rest);
  }

  /** In the order of {@link FAULTS}. */
  entries(): EvidenceData {
    return FAULTS.flatMap((fault) => {
      const first = this.#firsts?.get(fault);
      return first === undefined ? [] : [[fault, first] as const];
    });
  }
}

/** Kinds of which the first message is kept; those beyond are counted together. */
const MAX_KINDS = 10;
const FURTHER_KINDS = 'further kinds';

/** The first message of a kind. */
export interface FirstMessage {
  /** From the beginning of the run. */
  readonly atMs: number;
  /** Number of the client within its cohort. */
  readonly client: number;
  /** The namespace that the client belongs to. */
  readonly namespace: string;
  /** Its beginning, control characters shown; nothing of one that was too long to be kept. */
  readonly text?: string;
}

/** Messages of one kind. */
export interface MessageKind {
  readonly kind: string;
  readonly count: number;
  readonly first: FirstMessage;
}

/** Messages that are not cursors, by kind, with the first of each. Costs nothing while there are none. */
export class OtherMessages {
  #kinds: Map<string, { count: number; first: FirstMessage }> | undefined;

  get total(): number {
    let total = 0;
    for (const { count } of this.#kinds?.values() ?? []) total += count;
    return total;
  }

  /** Counts messages; `tell` is asked for the first of them only when it is the earliest of its kind so far. */
  note(kind: string, atMs: number, tell: () => Omit<FirstMessage, 'atMs'>, count = 1): void {
    this.#kinds ??= new Map();
    const isKept = this.#kinds.has(kind) || this.#kinds.size < MAX_KINDS;
    const key = isKept ? kind : FURTHER_KINDS;
    const known = this.#kinds.get(key);
    if (known !== undefined && known.first.atMs <= atMs) known.count += count;
    else this.#kinds.set(key, { count: (known?.count ?? 0) + count, first: { atMs, ...tell() } });
  }

  add(data: readonly MessageKind[]): void {
    for (const { kind, count, first } of data) {
      const { atMs, ...rest } = first;
      this.note(kind, atMs, () => rest, count);
    }
  }

  /** The most frequent first. */
  entries(): MessageKind[] {
    return [...(this.#kinds ?? [])]
      .map(([kind, { count, first }]) => ({ kind, count, first }))
      .sort((a, b) => b.count - a.count || a.kind.localeCompare(b.kind));
  }
}
