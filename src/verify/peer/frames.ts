// Frames as bytes, right and wrong ones. Nothing here refuses anything: whether a frame is legal is for the rules.

/** How a frame differs from a whole, masked one. */
export interface FrameShape {
  /** The FIN bit. Default true. */
  readonly isFinal?: boolean;
  /** RSV1 to RSV3 as a number from 0 to 7. Default 0. */
  readonly reservedBits?: number;
  /** Default true, as a client must. */
  readonly isMasked?: boolean;
}

/** The mask of every frame: the bytes of a run are the same each time. */
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** Encodes a frame of a client (RFC 6455 section 5.2). */
export function encodeFrame(opcode: number, payload: Buffer, shape: FrameShape = {}): Buffer {
  const { isFinal = true, reservedBits = 0, isMasked = true } = shape;
  const { length } = payload;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const head = Buffer.from([
    (isFinal ? 0x80 : 0) | (reservedBits << 4) | opcode,
    (isMasked ? 0x80 : 0) | (extended.length === 0 ? length : extended.length === 2 ? 126 : 127),
  ]);
  return Buffer.concat(isMasked ? [head, extended, MASK, masked(payload, MASK)] : [head, extended, payload]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Buffer = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason as string)]);
}

function masked(payload: Buffer, mask: Buffer): Buffer {
  const bytes = Buffer.from(payload);
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = (bytes[index] as number) ^ (mask[index & 3] as number);
  return bytes;
}

/** A frame that came, legal or not. */
export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly reservedBits: number;
  readonly isMasked: boolean;
  /** Whether its length takes more bytes than it needs. */
  readonly isPadded: boolean;
  readonly payload: Buffer;
  /** Everything, as it came. */
  readonly bytes: Buffer;
}

/** Takes the bytes of a connection, however they are cut, and returns frames. */
export class FrameDecoder {
  #unread: Buffer = Buffer.alloc(0);

  /** Bytes of a frame that has not come whole. */
  get unread(): Buffer {
    return this.#unread;
  }

  push(chunk: Buffer): Frame[] {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (frame === undefined) break;
      frames.push(frame);
      at += frame.bytes.length;
    }
    this.#unread = Buffer.from(bytes.subarray(at));
    return frames;
  }
}

function frameAt(bytes: Buffer, at: number): Frame | undefined {
  const left = bytes.length - at;
  if (left < 2) return undefined;
  const head = bytes.readUInt8(at);
  const lengthByte = bytes.readUInt8(at + 1);
  const short = lengthByte & 0x7f;
  const isMasked = lengthByte >= 0x80;
  const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
  const start = 2 + extended + (isMasked ? 4 : 0);
  if (left < start) return undefined;
  const length =
    extended === 0
      ? short
      : extended === 2
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
  if (left < start + length) return undefined;
  const raw = Buffer.from(bytes.subarray(at, at + start + length));
  const content = raw.subarray(start);
  return {
    opcode: head & 0x0f,
    isFinal: (head & 0x80) !== 0,
    reservedBits: (head >> 4) & 7,
    isMasked,
    isPadded: (extended === 2 && length < 126) || (extended === 8 && length < 65_536),
    payload: isMasked ? masked(content, raw.subarray(start - 4, start)) : content,
    bytes: raw,
  };
}

/** Bytes that are shown of a longer run of them. */
const MAX_SHOWN = 32;

/** Bytes as a person reads them: `81 05 68 65`. */
export function hex(bytes: Buffer): string {
  const shown = [...bytes.subarray(0, MAX_SHOWN)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length <= MAX_SHOWN ? shown : `${shown} … (${bytes.length} bytes)`;
}
