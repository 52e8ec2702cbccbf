import { randomFillSync } from 'node:crypto';
import { OPCODE } from '../../protocol/frames.js';

/** Random bytes for masks, made many at a time: a call for each frame costs more than the frame. */
const masks = Buffer.allocUnsafeSlow(4096);
let usedBytes = masks.length;

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
  if (usedBytes === masks.length) {
    randomFillSync(masks);
    usedBytes = 0;
  }
  const mask = usedBytes;
  usedBytes += 4;
  masks.copy(frame, headerLength, mask, mask + 4);
  for (let index = 0; index < length; index++) {
    frame[headerLength + 4 + index] = (payload[index] as number) ^ (masks[mask + (index & 3)] as number);
  }
  return frame;
}

/** A close frame with a code and a reason, or without both (RFC 6455 section 5.5.1). */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return encodeClientFrame(OPCODE.close, Buffer.alloc(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return encodeClientFrame(OPCODE.close, payload);
}
