/** How a run at one load went. */
export type Attempt =
  /** Every rule held. */
  | 'holds'
  /** A rule broke. */
  | 'breaks'
  /** A rule broke by little: a busy moment can do that. */
  | 'breaks-narrowly'
  /** The load generator was the bottleneck. */
  | 'saturated'
  /** The server is gone. */
  | 'gone';

/** Why a load is tried. */
export type Purpose = 'raise' | 'lower' | 'close-in' | 'recheck' | 'confirm';

export interface Try {
  readonly load: number;
  readonly purpose: Purpose;
  /** From 2 on, the same load is tried again, since the run before decided nothing. */
  readonly attempt: number;
}

/** Why a search has ended. */
export type SearchEnd =
  /** The limit lies between `held` and `broke`. */
  | 'found'
  /** Loads held that did not hold again, time after time: what there is of a limit moves. */
  | 'unsteady'
  /** Nothing broke up to the greatest load that was asked for. */
  | 'top'
  /** The load generator was the bottleneck: the limit of the server is not known. */
  | 'generator'
  /** A rule broke at every load. */
  | 'none'
  /** The server is gone. */
  | 'gone';

export interface SearchSettings {
  readonly from: number;
  /** The greatest load to try; `undefined` for none. */
  readonly to: number | undefined;
  /** Greatest distance of the two bounds, as a share of the lower one. */
  readonly precision: number;
}

/** Runs that confirm the limit. */
export const CONFIRMATIONS = 3;
/** Loads that held and were not confirmed, after which a search gives up. */
const MAX_UNCONFIRMED = 4;
/** Loads that broke and held when they were tried again, after which a search gives up. */
const MAX_MENDED = 4;
/** Times that the start is halved at most, when a rule breaks there. */
const MAX_HALVINGS = 10;

/**
 * Finds the greatest load that holds: doubles it until a rule breaks, halves the distance, sees that the load that broke
 * breaks again, and confirms the last load that held in fresh runs. Decides only which load is tried next; knows nothing of servers or time.
 *
 * A run that broke a rule narrowly, or whose generator was saturated, is repeated once before it counts: on a machine
 * that does other things as well, one run in many has a bad moment.
 */
export class Search {
  /** The greatest load that held, and the least that broke. */
  #held: number | undefined;
  #broke: number | undefined;
  #confirmed = 0;
  /** Loads that held and are less than {@link #held}, for when it is not confirmed. */
  readonly #heldBefore: number[] = [];
  #halvings = 0;
  /** Whether the load that broke was tried twice. */
  #isRechecked = false;
  #mended = 0;
  #unconfirmed = 0;
  #end: SearchEnd | undefined;
  #next: Try;

  constructor(private readonly settings: SearchSettings) {
    this.#next = { load: settings.from, purpose: 'raise', attempt: 1 };
  }

  get held(): number | undefined {
    return this.#held;
  }

  get broke(): number | undefined {
    return this.#broke;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  get end(): SearchEnd | undefined {
    return this.#end;
  }

  /** What to try next; `undefined` once the search has ended. */
  get next(): Try | undefined {
    return this.#end === undefined ? this.#next : undefined;
  }

  /** Takes how the run went that {@link next} asked for. */
  took(attempt: Attempt): void {
    const { load, purpose } = this.#next;
    const isFirst = this.#next.attempt === 1;
    if (attempt === 'gone') this.#end = 'gone';
    else if (attempt === 'saturated') {
      if (isFirst) this.#next = { ...this.#next, attempt: 2 };
      else this.#end = 'generator';
    } else if (attempt === 'holds') this.#holds(load, purpose);
    else if (attempt === 'breaks-narrowly' && isFirst && purpose !== 'recheck')
      this.#next = { ...this.#next, attempt: 2 };
    else this.#breaks(load, purpose);
  }

  #holds(load: number, purpose: Purpose): void {
    if (purpose === 'confirm') this.#confirmed += 1;
    else {
      // It broke in a busy moment, and so may others have that broke below it.
      if (purpose === 'recheck') this.#mends();
      if (this.#held !== undefined) this.#heldBefore.push(this.#held);
      this.#held = load;
    }
    if (this.#mended >= MAX_MENDED) this.#end = 'unsteady';
    else this.#decide();
  }

  #mends(): void {
    this.#broke = undefined;
    this.#mended += 1;
  }

  #breaks(load: number, purpose: Purpose): void {
    this.#isRechecked = purpose === 'recheck' || purpose === 'confirm';
    if (purpose === 'confirm') this.#unconfirmed += 1;
    this.#broke = load;
    // It held once, but not again.
    if (this.#held !== undefined && this.#held >= load) this.#held = this.#heldBefore.pop();
    this.#confirmed = 0;
    if (this.#unconfirmed >= MAX_UNCONFIRMED) this.#end = 'unsteady';
    else this.#decide();
  }

  #decide(): void {
    const { from, to, precision } = this.settings;
    const [held, broke] = [this.#held, this.#broke];
    if (held === undefined) {
      const half = Math.floor((broke ?? from) / 2);
      this.#halvings += 1;
      if (half < 1 || this.#halvings > MAX_HALVINGS) this.#end = 'none';
      else this.#try(half, 'lower');
    } else if (broke === undefined) {
      if (to !== undefined && held >= to) this.#confirm(held, 'top');
      else this.#try(Math.min(held * 2, to ?? Number.POSITIVE_INFINITY), 'raise');
    } else if (broke - held > Math.max(1, held * precision))
      this.#try(held + Math.max(1, Math.round((broke - held) / 2)), 'close-in');
    else if (this.#isRechecked) this.#confirm(held, 'found');
    else this.#try(broke, 'recheck');
  }

  #confirm(load: number, end: SearchEnd): void {
    if (this.#confirmed >= CONFIRMATIONS) this.#end = end;
    else this.#try(load, 'confirm');
  }

  #try(load: number, purpose: Purpose): void {
    this.#next = { load, purpose, attempt: 1 };
  }
}
