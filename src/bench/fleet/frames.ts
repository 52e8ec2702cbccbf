import { randomBytes } from 'node:crypto';
import { OPCODE } from '../../protocol/frames.js';

/** Encodes a final, masked frame as a client sends it (RFC 6455 section 5.3). */
export function encodeClientFrame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + 4 + length);
  frame[0] = 0x80 | opcode;
  if (headerLength === 2) frame[1] = 0x80 | length;
  else if (headerLength === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  const mask = randomBytes(4);
  mask.copy(frame, headerLength);
  for (let index = 0; index < length; index++) {
    frame[headerLength + 4 + index] = (payload[index] as number) ^ (mask[index & 3] as number);
  }
  return frame;
}

/** A close frame with a code and a reason (RFC 6455 section 5.5.1). */
export function closeFrame(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return encodeClientFrame(OPCODE.close, payload);
}

/** Longest message that is read; a cursor message has some hundred bytes. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const TOO_LONG = 'a message is longer than 1 MiB';

/** What a reader of frames keeps from one chunk to the next: nothing, between whole frames. */
export interface FrameReaderState {
  /** Bytes of a frame that has not come whole. */
  unread: Buffer | undefined;
  /** Payloads of a message that has not come whole. */
  fragments: Buffer[] | undefined;
}

export interface FrameHandler {
  /** A whole text message: the bytes from `start` to `end`. They are overwritten after the call. */
  onText(bytes: Buffer, start: number, end: number): void;
  onBinary(): void;
  onPing(payload: Buffer): void;
  onClose(code: number, reason: string): void;
  /** The server broke RFC 6455, or sends what no client would take. Nothing is read after it. */
  onProtocolError(why: string): void;
}

/**
 * Reads the frames of a server out of a chunk. Allocates nothing for a chunk of whole frames, which is what a
 * chunk almost always is.
 */
export function readFrames(state: FrameReaderState, chunk: Buffer, handler: FrameHandler): void {
  const bytes = state.unread === undefined ? chunk : Buffer.concat([state.unread, chunk]);
  const end = bytes.length;
  let at = 0;
  while (end - at >= 2) {
    const head = bytes[at] as number;
    const lengthByte = bytes[at + 1] as number;
    if ((head & 0x70) !== 0 || (lengthByte & 0x80) !== 0) {
      handler.onProtocolError((head & 0x70) !== 0 ? 'reserved bits are set' : 'a server frame is masked');
      return;
    }
    let length = lengthByte;
    let start = at + 2;
    if (lengthByte === 126) {
      if (end - at < 4) break;
      length = bytes.readUInt16BE(at + 2);
      start = at + 4;
    } else if (lengthByte === 127) {
      if (end - at < 10) break;
      length = Number(bytes.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    if (length > MAX_MESSAGE_BYTES) {
      handler.onProtocolError(TOO_LONG);
      return;
    }
    if (end - start < length) break;
    if (head === (0x80 | OPCODE.text)) handler.onText(bytes, start, start + length);
    else if (!readOther(state, head, bytes.subarray(start, start + length), handler)) return;
    at = start + length;
  }
  state.unread = at === end ? undefined : Buffer.from(bytes.subarray(at));
}

/** Anything but a text message in one frame. False ends the reading. */
function readOther(state: FrameReaderState, head: number, payload: Buffer, handler: FrameHandler): boolean {
  const isFinal = (head & 0x80) !== 0;
  const opcode = head & 0x0f;
  switch (opcode) {
    case OPCODE.ping:
      handler.onPing(payload);
      return true;
    case OPCODE.pong:
      return true;
    case OPCODE.close:
      handler.onClose(payload.length < 2 ? 1005 : payload.readUInt16BE(0), payload.toString('utf8', 2));
      return false;
    case OPCODE.text:
      state.fragments = [Buffer.from(payload)];
      return true;
    case OPCODE.continuation: {
      if (state.fragments === undefined) {
        handler.onProtocolError('a continuation of nothing');
        return false;
      }
      state.fragments.push(Buffer.from(payload));
      if (state.fragments.reduce((total, { length }) => total + length, 0) > MAX_MESSAGE_BYTES) {
        state.fragments = undefined;
        handler.onProtocolError(TOO_LONG);
        return false;
      }
      if (!isFinal) return true;
      const whole = Buffer.concat(state.fragments);
      state.fragments = undefined;
      handler.onText(whole, 0, whole.length);
      return true;
    }
    case OPCODE.binary:
      handler.onBinary();
      return true;
    default:
      handler.onProtocolError(`opcode ${opcode} is not known`);
      return false;
  }
}

const PREFIX = Buffer.from('{"type":"cursor","cursor":"');
/** What a cursor message has besides the cursor. */
export const CURSOR_ENVELOPE_BYTES = PREFIX.length + '"}'.length;
const QUOTE = 0x22;
const BRACE = 0x7d;

/**
 * The number in a cursor message, byte for byte `{"type":"cursor","cursor":"<digits>"}`; NaN for anything else.
 */
export function cursorNumber(bytes: Buffer, start: number, end: number): number {
  const last = end - 2;
  if (last - start <= PREFIX.length || bytes[last] !== QUOTE || bytes[last + 1] !== BRACE) return Number.NaN;
  for (let index = 0; index < PREFIX.length; index++) {
    if (bytes[start + index] !== PREFIX[index]) return Number.NaN;
  }
  let value = 0;
  for (let index = start + PREFIX.length; index < last; index++) {
    const digit = (bytes[index] as number) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
