import type { TimerHandle } from '../manager/clock.js';
import { messageOf } from '../protocol/errors.js';
import { formatDuration } from '../text/units.js';
import {
  BEAT_MS,
  type Beat,
  type ConnectEngine,
  type EngineCaller,
  type EngineLink,
  type EngineMessage,
  type NodeClock,
  UNHEARD_MS,
} from './engine.js';
import { Silence } from './silence.js';
import { watchedLink } from './watched-link.js';

/** What an {@link EngineSession} calls. */
export interface SessionOwner {
  /** What the next beat says. */
  beat(): Omit<Beat, 'count'>;
  /** A message of the channel came; beats of this node are among them. */
  heard(message: EngineMessage): void;
  /** A beat of this node came back after so long. */
  lag(ms: number): void;
  /** Takes in what the engine has, and gives it what only this node has. */
  recover(link: EngineLink): Promise<void>;
  /** The first recovery is done. */
  up(): void;
  /** After each beat that the engine answered. */
  tend(link: EngineLink): void;
  /** Whether this node has cursors, which the engine should have too. */
  readonly hasCursors: boolean;
}

/**
 * One connection to the engine, from its beginning to its end: connect, beat, recover, and then beat once a second.
 *
 * Its own beats tell whether it is alive. An acknowledgement does not, and neither do the timeouts of a client
 * library: a stopped engine leaves a socket open, and each write to it starts such a timeout anew.
 */
export class EngineSession {
  #link: EngineLink | undefined;
  #isUp = false;
  #isRecovering = false;
  #needsRecovery = false;
  #lastSequence: number | undefined;
  #beats = 0;
  readonly #silence: Silence;
  /** When each beat was sent that has not come back. */
  readonly #sentAtMs = new Map<number, number>();
  #nextBeat: TimerHandle;
  readonly #abort = new AbortController();
  readonly #done: Promise<string>;
  #end!: (why: string) => void;

  constructor(
    private readonly connect: ConnectEngine,
    private readonly caller: EngineCaller,
    private readonly clock: NodeClock,
    private readonly owner: SessionOwner,
  ) {
    this.#silence = new Silence(clock, () => this.end(`nothing was heard for ${formatDuration(UNHEARD_MS)}`));
    this.#done = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The connection once it has recovered; `undefined` before that, and after its end. */
  get link(): EngineLink | undefined {
    return this.#isUp ? this.#link : undefined;
  }

  /** Resolves with the reason when the connection has ended. */
  async run(): Promise<string> {
    this.#silence.restart();
    void this.#open();
    const why = await this.#done;
    this.#isUp = false;
    this.#silence.end();
    this.clock.clearTimeout(this.#nextBeat);
    this.#link?.close();
    return why;
  }

  /** Beats at once in place of within a second: a node that has just come knows the others sooner. */
  beatNow(): void {
    const { link } = this;
    if (link === undefined) return;
    this.clock.clearTimeout(this.#nextBeat);
    this.#keepBeating(link);
  }

  end(why: string): void {
    this.#abort.abort();
    this.#isUp = false;
    this.#end(why);
  }

  async #open(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const opened = await this.connect(
        this.caller,
        { message: (message) => this.#heard(message), closed: (why) => this.end(why) },
        signal,
      );
      if (signal.aborted) {
        opened.close();
        return;
      }
      const link = watchedLink(opened, this.clock, (why) => this.end(why));
      this.#link = link;
      await this.#beat(link);
      await this.#recover(link);
      if (signal.aborted) return;
      this.#isUp = true;
      this.owner.up();
    } catch (error) {
      this.end(messageOf(error));
    }
  }

  #heard(message: EngineMessage): void {
    if (this.#abort.signal.aborted) return;
    const { node, sequence } = message;
    // Messages of the channel were lost, or the engine is another one.
    if (this.#lastSequence !== undefined && sequence !== this.#lastSequence + 1) this.#needsRecovery = true;
    this.#lastSequence = sequence;
    if (message.kind === 'beat' && node === this.caller.node) this.#ownBeat(message.count);
    this.owner.heard(message);
  }

  #ownBeat(count: number): void {
    const sentAtMs = this.#sentAtMs.get(count);
    if (sentAtMs === undefined) return;
    for (const one of this.#sentAtMs.keys()) if (one <= count) this.#sentAtMs.delete(one);
    this.owner.lag(this.clock.nowMs - sentAtMs);
    this.#silence.restart();
  }

  #keepBeating(link: EngineLink): void {
    this.#beat(link).catch((error: unknown) => this.end(messageOf(error)));
  }

  async #beat(link: EngineLink): Promise<void> {
    this.#nextBeat = this.clock.setTimeout(() => this.#keepBeating(link), BEAT_MS);
    this.#beats += 1;
    this.#sentAtMs.set(this.#beats, this.clock.nowMs);
    const reply = await link.beat({ ...this.owner.beat(), count: this.#beats });
    if (!this.#isUp) return;
    const hasForgotten = !reply.hasCounts || (!reply.hasCursors && this.owner.hasCursors);
    if (hasForgotten || this.#needsRecovery) await this.#recover(link);
    if (this.#isUp) this.owner.tend(link);
  }

  async #recover(link: EngineLink): Promise<void> {
    if (this.#isRecovering) return;
    this.#isRecovering = true;
    this.#needsRecovery = false;
    try {
      await this.owner.recover(link);
    } finally {
      this.#isRecovering = false;
    }
  }
}
