/** How long after a cursor it is sent once more. */
const REPEAT_MS = 1000;

/** Sends a cursor to the clients of a namespace. */
export type TellCursor = (namespace: string, cursor: string) => void;

/**
 * Tells clients that there is news. A DataFn client drops a cursor that comes while it pulls, and that pull may have
 * missed what the cursor is about: the newest cursor of a namespace is sent once more, a second after the last change.
 * Clients ignore what they have.
 */
export class WakeUps {
  readonly #newest = new Map<string, { cursor: string; readonly timer: NodeJS.Timeout }>();

  /**
   * @param broadcast sends a cursor the first time.
   * @param repeat sends it once more.
   */
  constructor(
    private readonly broadcast: TellCursor,
    private readonly repeat: TellCursor,
    private readonly repeatMs: number = REPEAT_MS,
  ) {}

  /** Something has changed. A cursor that is not above one of the last second is no news: its answer was late. */
  tell(namespace: string, cursor: string): void {
    const known = this.#newest.get(namespace);
    if (known === undefined) {
      const timer = setTimeout(() => this.#repeat(namespace), this.repeatMs).unref();
      this.#newest.set(namespace, { cursor, timer });
    } else {
      if (Number(cursor) <= Number(known.cursor)) return;
      known.cursor = cursor;
      known.timer.refresh();
    }
    this.broadcast(namespace, cursor);
  }

  /** Sends nothing more. */
  stop(): void {
    for (const { timer } of this.#newest.values()) clearTimeout(timer);
    this.#newest.clear();
  }

  #repeat(namespace: string): void {
    const { cursor } = this.#newest.get(namespace) as { cursor: string };
    this.#newest.delete(namespace);
    this.repeat(namespace, cursor);
  }
}
