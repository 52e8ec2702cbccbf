import type {
  Backplane,
  BackplaneListener,
  BackplaneView,
  PublishedCursor,
  PublishOptions,
  PublishOutcome,
  Reservation,
} from '../backplane/backplane.js';

/** Reports one broadcast of the whole server. */
type Report = (namespace: string, cursor: string, delivered: number) => void;

/** What is known of the broadcasts of one cursor: counts of this worker, and of the others. */
interface Halves {
  readonly here: number[];
  readonly elsewhere: number[];
}

/**
 * Reports a broadcast once for all workers, with the clients of all: the worker that published it does, as soon as it
 * knows how many clients the others handed it to. Stands between a server and its backplane.
 */
export class BroadcastReports implements Backplane {
  readonly #halves = new Map<string, Halves>();
  /** Whether cursors of another worker are being delivered. */
  #isForOther = false;

  /** @param report left out when nobody hears it. */
  constructor(
    private readonly backplane: Backplane,
    private readonly report: Report | undefined,
  ) {}

  get id(): string | undefined {
    return this.backplane.id;
  }

  /** A cursor was handed to clients of this worker. */
  delivered(namespace: string, cursor: string, delivered: number): void {
    if (!this.#isForOther) this.#add(namespace, cursor, 'here', delivered);
  }

  start(listener: BackplaneListener): void {
    this.backplane.start({
      cursors: (items, catchUp) => {
        this.#isForOther = true;
        try {
          return listener.cursors(items, catchUp);
        } finally {
          this.#isForOther = false;
        }
      },
      // That of the channel to the primary, which is as much as that of this process.
      state: () => {},
      connections: () => listener.connections(),
    });
  }

  async publish(items: readonly PublishedCursor[], options: PublishOptions = {}): Promise<PublishOutcome> {
    const outcome = await this.backplane.publish(items, options);
    const isRequired = options.monotonic || options.required;
    // Otherwise it is not delivered here either.
    if (this.report !== undefined && (outcome.replicated || !isRequired)) {
      for (const [index, { namespace, cursor }] of items.entries())
        this.#add(namespace, cursor, 'elsewhere', outcome.delivered?.[index] ?? 0);
    }
    return outcome;
  }

  reserve(namespace: string, count: number, limit: number): Promise<Reservation> {
    return this.backplane.reserve(namespace, count, limit);
  }

  take(namespace: string, count: number, limit: number): boolean {
    return this.backplane.take?.(namespace, count, limit) ?? false;
  }

  view(): BackplaneView {
    return this.backplane.view();
  }

  close(): Promise<void> {
    return this.backplane.close();
  }

  /** Each cursor comes once with the count of this worker and once with that of the others, in either order. */
  #add(namespace: string, cursor: string, half: keyof Halves, count: number): void {
    const key = `${namespace}\n${cursor}`;
    const halves = this.#halves.get(key) ?? { here: [], elsewhere: [] };
    halves[half].push(count);
    const { here, elsewhere } = halves;
    const [oneHere, oneElsewhere] = [here[0], elsewhere[0]];
    if (oneHere === undefined || oneElsewhere === undefined) {
      this.#halves.set(key, halves);
      return;
    }
    here.shift();
    elsewhere.shift();
    if (here.length + elsewhere.length === 0) this.#halves.delete(key);
    this.report?.(namespace, cursor, oneHere + oneElsewhere);
  }
}
