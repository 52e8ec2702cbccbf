import type { TimerHandle } from '../manager/clock.js';
import { type NodeClock, UNHEARD_MS } from './engine.js';

/** A timer that fires this late means that the process stood still, or got no core. */
const STALL_MS = 250;

/**
 * Reports that nothing came for {@link UNHEARD_MS}. When this process itself stood still, what the engine sent meanwhile
 * has not been read yet, so the engine gets as long again, once.
 */
export class Silence {
  #timer: TimerHandle;

  constructor(
    private readonly clock: NodeClock,
    private readonly report: () => void,
  ) {}

  /** Starts the wait, anew if something came. */
  restart(): void {
    this.#wait(true);
  }

  end(): void {
    this.clock.clearTimeout(this.#timer);
  }

  #wait(forgivesStall: boolean): void {
    const { clock } = this;
    clock.clearTimeout(this.#timer);
    const dueMs = clock.nowMs + UNHEARD_MS;
    this.#timer = clock.setTimeout(() => {
      if (forgivesStall && clock.nowMs - dueMs > STALL_MS) this.#wait(false);
      else this.report();
    }, UNHEARD_MS);
  }
}
