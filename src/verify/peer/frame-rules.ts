import { isUtf8 } from 'node:buffer';
import { mayBeSent } from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import type { Frame } from './frames.js';

const CONTROL = 0x08;
const KNOWN = new Set<number>(Object.values(OPCODE));

/** Checks the frames of one connection, in order, against RFC 6455. */
export class FrameRules {
  #message: { readonly opcode: number; readonly parts: Buffer[] } | undefined;
  #isClosed = false;

  /** Returns how a frame of a server breaks the RFC, else `undefined`. */
  breachOf(frame: Frame): string | undefined {
    const { opcode, isFinal, reservedBits, isMasked, isPadded, payload } = frame;
    if (this.#isClosed) return 'a frame after its close frame (section 5.5.1)';
    if (isMasked) return 'a masked frame (section 5.1)';
    if (reservedBits !== 0) return 'a reserved bit without an extension (section 5.2)';
    if (!KNOWN.has(opcode)) return `the reserved opcode ${opcode} (section 5.2)`;
    if (isPadded) return 'a length in more bytes than it needs (section 5.2)';
    if ((opcode & CONTROL) !== 0) return this.#breachOfControl(frame);
    if (opcode === OPCODE.continuation && this.#message === undefined)
      return 'a continuation of nothing (section 5.4)';
    if (opcode !== OPCODE.continuation && this.#message !== undefined)
      return 'a new message within a fragmented one (section 5.4)';
    const message = this.#message ?? { opcode, parts: [] };
    message.parts.push(payload);
    this.#message = isFinal ? undefined : message;
    if (!isFinal || message.opcode !== OPCODE.text || isUtf8(Buffer.concat(message.parts))) return undefined;
    return 'a text that is not UTF-8 (section 8.1)';
  }

  #breachOfControl({ opcode, isFinal, payload }: Frame): string | undefined {
    if (!isFinal) return 'a fragmented control frame (section 5.5)';
    if (payload.length > 125) return 'a control frame of more than 125 bytes (section 5.5)';
    if (opcode !== OPCODE.close) return undefined;
    this.#isClosed = true;
    if (payload.length === 0) return undefined;
    if (payload.length === 1) return 'a close frame with half a code (section 5.5.1)';
    const code = payload.readUInt16BE(0);
    if (!mayBeSent(code)) return `the close code ${code}, which must not be sent (section 7.4)`;
    return isUtf8(payload.subarray(2)) ? undefined : 'a close reason that is not UTF-8 (section 5.5.1)';
  }
}
