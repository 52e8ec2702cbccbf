import { formatAmount, formatCount } from '../../text/units.js';

const TELL_MS = 1000;
/** Distinct texts that are logged at once. Beyond this many, they are only counted. */
const MAX_TEXTS = 8;

/** Keeps repeated failures from filling a log: each text is logged at once, and then once a second with a count. */
export class FailureLines {
  /** How often each text has come since it was told. */
  readonly #more = new Map<string, number>();
  /** Failures with texts beyond {@link MAX_TEXTS}. */
  #others = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell called with each text, with what it says about more of them. */
  constructor(private readonly tell: (text: string) => void) {}

  add(text: string): void {
    const more = this.#more.get(text);
    if (more === undefined && this.#more.size === MAX_TEXTS) {
      this.#others += 1;
      return;
    }
    this.#more.set(text, more === undefined ? 0 : more + 1);
    if (more !== undefined) return;
    this.tell(text);
    this.#timer ??= setInterval(() => this.#tellMore(), TELL_MS).unref();
  }

  /** Tells what has not been told. */
  dispose(): void {
    this.#tellMore();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#more.clear();
  }

  #tellMore(): void {
    for (const [text, count] of this.#more) {
      // One that has not come for a second is told at once when it does; not while texts come that are ever new.
      if (count === 0 && this.#others === 0) this.#more.delete(text);
      if (count === 0) continue;
      this.tell(`${text} (${times(count)})`);
      this.#more.set(text, 0);
    }
    if (this.#others > 0) this.tell(`${formatAmount(this.#others, 'more failure')}, with other messages`);
    this.#others = 0;
    if (this.#more.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function times(count: number): string {
  return count === 1 ? 'once more' : `${formatCount(count)} times more`;
}
