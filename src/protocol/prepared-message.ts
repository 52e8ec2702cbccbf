import { encodeServerFrame, OPCODE } from './frames.js';
import { encodeCursor } from './messages.js';

/** A cursor message encoded at most once, however many clients it goes to. */
export class PreparedMessage {
  /** The payload, `{"type":"cursor","cursor":"…"}`. */
  readonly text: string;
  #frame: Uint8Array | undefined;

  constructor(readonly cursor: string) {
    this.text = encodeCursor(cursor);
  }

  /** The whole unmasked WebSocket text frame, for a transport that writes to the socket itself. */
  get frame(): Uint8Array {
    this.#frame ??= encodeServerFrame(OPCODE.text, Buffer.from(this.text));
    return this.#frame;
  }
}
