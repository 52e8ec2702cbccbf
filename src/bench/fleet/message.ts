import { type CursorMessage, readMessage } from '../../protocol/client.js';

/**
 * Cursor messages that differ in nothing but the digits of the cursor: bytes in front of them, and bytes behind them.
 * Their cursors are read without a JSON parser, which would take several times as long.
 */
export class CursorLayout {
  readonly #before: Buffer;
  readonly #behind: Buffer;
  /** What a message has besides the digits. */
  readonly envelopeBytes: number;

  constructor(before: string, behind: string) {
    this.#before = Buffer.from(before);
    this.#behind = Buffer.from(behind);
    this.envelopeBytes = this.#before.length + this.#behind.length;
  }

  /** The number in the message from `start` to `end`; NaN when it has another layout. */
  numberIn(bytes: Buffer, start: number, end: number): number {
    const before = this.#before;
    const behind = this.#behind;
    const first = start + before.length;
    const last = end - behind.length;
    if (first >= last) return Number.NaN;
    for (let index = behind.length - 1; index >= 0; index--) {
      if (bytes[last + index] !== behind[index]) return Number.NaN;
    }
    for (let index = before.length - 1; index >= 0; index--) {
      if (bytes[start + index] !== before[index]) return Number.NaN;
    }
    let value = 0;
    for (let index = first; index < last; index++) {
      const digit = (bytes[index] as number) - 0x30;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }
}

/** The layout that the library and `datafn-ws serve` send, byte for byte. */
export const OUR_LAYOUT = new CursorLayout('{"type":"cursor","cursor":"', '"}');

/** The layout of a cursor message whose cursor is `digits`; `undefined` when it cannot be told from the text. */
export function layoutOf(text: string, digits: string): CursorLayout | undefined {
  // With other digits in the right place, it is the same message with another cursor. Nothing else in a JSON text
  // depends on the digits within a string.
  const others = `1${digits}`;
  for (let at = text.indexOf(`"${digits}"`); at !== -1; at = text.indexOf(`"${digits}"`, at + 1)) {
    const [before, behind] = [text.slice(0, at + 1), text.slice(at + 1 + digits.length)];
    const message = readMessage(before + others + behind);
    if (message.isCursor && message.text === others) return new CursorLayout(before, behind);
  }
  return undefined;
}

/** Layouts of one server besides ours are learned up to so many times. */
const MAX_LEARNED = 16;

/** Reads cursors of our layout, and of another one that a server uses. */
export class CursorLayouts {
  #other = OUR_LAYOUT;
  #leftToLearn = MAX_LEARNED;
  /** What the message that was read last has besides the digits. */
  envelopeBytes = 0;

  /** The cursor in the message from `start` to `end`; NaN when it has neither layout. */
  read(bytes: Buffer, start: number, end: number): number {
    this.envelopeBytes = OUR_LAYOUT.envelopeBytes;
    const cursor = OUR_LAYOUT.numberIn(bytes, start, end);
    if (!Number.isNaN(cursor)) return cursor;
    this.envelopeBytes = this.#other.envelopeBytes;
    return this.#other.numberIn(bytes, start, end);
  }

  /** Learns the layout of a message that had neither. */
  learn(text: string, { text: digits }: CursorMessage): void {
    // Where every message has a layout of its own, it is not worth the time.
    if (this.#leftToLearn === 0 || digits === undefined || !/^\d+$/.test(digits)) return;
    this.#leftToLearn -= 1;
    this.#other = layoutOf(text, digits) ?? this.#other;
  }
}
