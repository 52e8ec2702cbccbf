import { countDescriptors, type Descriptors } from '../server/health/descriptors.js';

/** Counting takes a few µs, so not for each connection. */
const CONNECTIONS_PER_LOOK = 16;
/** For what is not a connection, and for clients that leave. */
const LOOK_MS = 1000;
/** Descriptors that are left when a process is full: for connections since the last look, and for files. */
const SPARE = 32;

/**
 * Notices when a process has hardly a file descriptor left for another connection, 2% of its limit or 32, and when twice as
 * many are free again. Notices nothing where the system does not say how many are open.
 */
export class RoomWatch {
  #hasRoom = true;
  #timer: NodeJS.Timeout | undefined;
  #unseen = 0;

  /** A connection was accepted. */
  readonly onConnection = (): void => {
    this.#unseen += 1;
    if (this.#unseen === CONNECTIONS_PER_LOOK) this.look();
  };

  /** @param tell called with each change. */
  constructor(
    private readonly tell: (hasRoom: boolean) => void,
    private readonly count: () => Descriptors | undefined = countDescriptors,
  ) {}

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    this.#unseen = 0;
    const descriptors = this.count();
    if (descriptors === undefined) return;
    const { open, max } = descriptors;
    const spare = Math.max(SPARE, max / 50);
    // So that one client more or less does not change it.
    const hasRoom = max - open > (this.#hasRoom ? spare : 2 * spare);
    if (hasRoom === this.#hasRoom) return;
    this.#hasRoom = hasRoom;
    this.tell(hasRoom);
  }
}
