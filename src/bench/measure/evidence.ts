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
