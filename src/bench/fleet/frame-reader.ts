import { isUtf8 } from 'node:buffer';
import {
  INVALID_PAYLOAD,
  mayBeSent,
  NO_STATUS_RECEIVED,
  PROTOCOL_ERROR,
} from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';

/** Longest message that is kept. One that is longer is legal, and is counted without being read. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** A frame has at most this much in front of its payload, when it is not masked. */
const MAX_HEAD_BYTES = 10;

const FIN = 0x80;
const WHOLE_TEXT = FIN | OPCODE.text;

/** What a reader of frames keeps from one chunk to the next: nothing, between whole messages. */
export interface FrameReaderState {
  /** A frame that has not come whole. */
  unread: PartialFrame | undefined;
  /** A message that has not come whole. */
  message: PartialMessage | undefined;
  /** Bytes to come of a payload that is too long to be kept. */
  skipBytes: number;
}

interface PartialFrame {
  readonly got: GrowingBytes;
  /** Bytes that are needed to go on: its head, or all of it. */
  neededBytes: number;
}

interface PartialMessage {
  readonly opcode: number;
  /** `undefined` for one that is too long to be kept. */
  readonly got: GrowingBytes | undefined;
}

/** Bytes of messages are overwritten after the call. */
export interface FrameHandler {
  /** A whole text message: the bytes from `start` to `end`. Returns false to read nothing after it. */
  onText(bytes: Buffer, start: number, end: number): boolean;
  /** A whole binary message. */
  onBinary(bytes: Buffer, start: number, end: number): void;
  /** A text or binary message of more than {@link MAX_MESSAGE_BYTES}. */
  onTooLong(): void;
  onPing(payload: Buffer): void;
  /** A close frame that is legal; {@link NO_STATUS_RECEIVED} for one without a code. Nothing is read after it. */
  onClose(code: number, reason: string): void;
  /**
   * The server broke RFC 6455. Nothing is read after it. A data frame right behind a close frame is reported here too,
   * after the close.
   *
   * @param code the close code that says so.
   */
  onProtocolError(why: string, code: number): void;
}

/** Nothing is read any more. */
const OVER = 0;
/** Nor is it after a close frame. No frame ends at 1, so it is not a position. */
const CLOSED = 1;

/**
 * Reads the frames of a server out of a chunk. Allocates nothing for a chunk of whole text messages, which is what a
 * chunk almost always is. Time is linear in the bytes, and memory bounded, whatever they are.
 */
export function readFrames(state: FrameReaderState, chunk: Buffer, handler: FrameHandler): void {
  const end = chunk.length;
  let at = skip(state, 0, end);
  while (state.unread !== undefined) {
    const { unread } = state;
    const upTo = Math.min(end, at + unread.neededBytes - unread.got.length);
    unread.got.append(chunk, at, upTo);
    at = upTo;
    if (unread.got.length < unread.neededBytes) return;
    const next = readFrame(state, unread.got.bytes, 0, unread.got.length, handler);
    if (next === CLOSED) readAfterClose(chunk, at, handler);
    if (next === OVER || next === CLOSED) return;
    if (next < 0) unread.neededBytes = -next;
    else {
      state.unread = undefined;
      at = skip(state, at, end);
    }
  }
  while (at < end) {
    // A short text in one frame: almost everything that a server sends.
    const length = chunk[at + 1] as number;
    if (chunk[at] === WHOLE_TEXT && length < 126 && state.message === undefined) {
      const start = at + 2;
      if (start + length <= end) {
        if (!handler.onText(chunk, start, start + length)) return;
        at = start + length;
        continue;
      }
    }
    const next = readFrame(state, chunk, at, end, handler);
    if (next === CLOSED) readAfterClose(chunk, at + 2 + (chunk[at + 1] as number), handler);
    if (next === OVER || next === CLOSED) return;
    if (next < 0) {
      state.unread = { got: new GrowingBytes(MAX_HEAD_BYTES + MAX_MESSAGE_BYTES), neededBytes: -next };
      state.unread.got.append(chunk, at, end);
      return;
    }
    at = skip(state, next, end);
  }
}

function skip(state: FrameReaderState, at: number, end: number): number {
  const skipped = Math.min(state.skipBytes, end - at);
  state.skipBytes -= skipped;
  return at + skipped;
}

/** RFC 6455 section 5.5.1: no data frames after a close frame. */
function readAfterClose(chunk: Buffer, at: number, handler: FrameHandler): void {
  if (at < chunk.length && !isControl(chunk[at] as number))
    handler.onProtocolError('a data frame follows a close frame', PROTOCOL_ERROR);
}

/**
 * Reads the frame at `at`.
 *
 * @returns where the next one begins; {@link OVER}, {@link CLOSED}, or -n when it takes n bytes to go on.
 */
function readFrame(
  state: FrameReaderState,
  bytes: Buffer,
  at: number,
  end: number,
  handler: FrameHandler,
): number {
  if (end - at < 2) return -2;
  const head = bytes[at] as number;
  const lengthByte = bytes[at + 1] as number;
  const fault = faultOfHead(head, lengthByte, state.message !== undefined);
  if (fault !== undefined) return broken(handler, fault);
  const headBytes = lengthByte < 126 ? 2 : lengthByte === 126 ? 4 : MAX_HEAD_BYTES;
  if (end - at < headBytes) return -headBytes;
  const length = lengthOf(bytes, at + 1);
  if (lengthByte >= 126 && length < (lengthByte === 126 ? 126 : 65_536))
    return broken(handler, 'a length is written in more bytes than it needs');
  if (length >= 2 ** 63) return broken(handler, 'a length has its first bit set');
  const start = at + headBytes;
  if (!isControl(head) && keptBytes(state) + length > MAX_MESSAGE_BYTES) {
    state.skipBytes = length;
    skipData(state, head, handler);
    return start;
  }
  if (end - start < length) return -(headBytes + length);
  return isControl(head)
    ? readControl(head, bytes.subarray(start, start + length), start + length, handler)
    : readData(state, head, bytes, start, start + length, handler);
}

/** What is wrong with a frame, as far as its first two bytes tell (RFC 6455 sections 5.1, 5.2, 5.4 and 5.5). */
function faultOfHead(head: number, lengthByte: number, isWithinMessage: boolean): string | undefined {
  if ((head & 0x70) !== 0) return 'reserved bits are set';
  if ((lengthByte & 0x80) !== 0) return 'a frame is masked';
  switch (head & 0x0f) {
    case OPCODE.continuation:
      return isWithinMessage ? undefined : 'a continuation of nothing';
    case OPCODE.text:
    case OPCODE.binary:
      return isWithinMessage ? 'a message begins within another' : undefined;
    case OPCODE.close:
    case OPCODE.ping:
    case OPCODE.pong:
      if ((head & FIN) === 0) return 'a control frame is fragmented';
      return lengthByte > 125 ? 'a control frame is longer than 125 bytes' : undefined;
    default:
      return `opcode ${head & 0x0f} is reserved`;
  }
}

/** The length of a payload, from the byte behind the opcode on. Exact as far as anything depends on it. */
function lengthOf(bytes: Buffer, at: number): number {
  const lengthByte = bytes[at] as number;
  if (lengthByte < 126) return lengthByte;
  if (lengthByte === 126) return bytes.readUInt16BE(at + 1);
  return bytes.readUInt32BE(at + 1) * 2 ** 32 + bytes.readUInt32BE(at + 5);
}

function isControl(head: number): boolean {
  return (head & 0x08) !== 0;
}

function broken(handler: FrameHandler, why: string, code = PROTOCOL_ERROR): typeof OVER {
  handler.onProtocolError(why, code);
  return OVER;
}

/** Bytes of the message that is under way; infinitely many when it is too long already. */
function keptBytes({ message }: FrameReaderState): number {
  if (message === undefined) return 0;
  return message.got === undefined ? Number.POSITIVE_INFINITY : message.got.length;
}

/** A frame that makes its message too long, or goes on with one that is. */
function skipData(state: FrameReaderState, head: number, handler: FrameHandler): void {
  if ((head & FIN) === 0) {
    state.message = { opcode: state.message?.opcode ?? head & 0x0f, got: undefined };
    return;
  }
  state.message = undefined;
  handler.onTooLong();
}

function readData(
  state: FrameReaderState,
  head: number,
  bytes: Buffer,
  start: number,
  end: number,
  handler: FrameHandler,
): number {
  const isFinal = (head & FIN) !== 0;
  const { message } = state;
  if (isFinal && message === undefined) return deliver(handler, head & 0x0f, bytes, start, end) ? end : OVER;
  const { opcode, got } = message ?? { opcode: head & 0x0f, got: new GrowingBytes(MAX_MESSAGE_BYTES) };
  got?.append(bytes, start, end);
  state.message = isFinal ? undefined : { opcode, got };
  if (!isFinal || got === undefined) return end;
  return deliver(handler, opcode, got.bytes, 0, got.length) ? end : OVER;
}

function deliver(handler: FrameHandler, opcode: number, bytes: Buffer, start: number, end: number): boolean {
  if (opcode === OPCODE.text) return handler.onText(bytes, start, end);
  handler.onBinary(bytes, start, end);
  return true;
}

/** RFC 6455 section 5.5, and 7.4 for close codes. */
function readControl(head: number, payload: Buffer, end: number, handler: FrameHandler): number {
  switch (head & 0x0f) {
    case OPCODE.ping:
      handler.onPing(payload);
      return end;
    case OPCODE.pong:
      return end;
    default: {
      if (payload.length === 1) return broken(handler, 'a close frame has a payload of one byte');
      const code = payload.length === 0 ? NO_STATUS_RECEIVED : payload.readUInt16BE(0);
      if (payload.length > 0 && !mayBeSent(code))
        return broken(handler, `close code ${code} must not be sent`);
      const reason = payload.subarray(2);
      if (!isUtf8(reason)) return broken(handler, 'the reason of a close is not UTF-8', INVALID_PAYLOAD);
      handler.onClose(code, reason.toString());
      return CLOSED;
    }
  }
}

/**
 * Bytes that come piece by piece. Takes memory for what has come, not for what is announced, and copies each byte a
 * bounded number of times, however small the pieces are.
 */
export class GrowingBytes {
  #buffer: Buffer | undefined;
  #length = 0;

  /** @param maxBytes how many it will be at most. */
  constructor(readonly maxBytes: number) {}

  get length(): number {
    return this.#length;
  }

  /** Copies the bytes of `source` from `start` to `end`. */
  append(source: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    const held = this.#buffer?.length ?? 0;
    if (length > held) {
      // Of its own, not of Node's pool: a few bytes that are kept would keep all of that.
      const larger = Buffer.allocUnsafeSlow(Math.min(this.maxBytes, Math.max(length, held * 2)));
      this.#buffer?.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    if (this.#buffer !== undefined) source.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
  }

  /** What has come so far; valid until the next call of {@link append}. */
  get bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }
}
