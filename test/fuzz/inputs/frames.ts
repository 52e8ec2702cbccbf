import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { helloInput } from './messages.js';

// RFC 6455 section 5.2.

const CLOSE_CODES = [
  0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1015, 1016, 2999, 3000, 4401, 4503, 4999, 5000, 65_535,
];
export const BAD_UTF8 = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xf0, 0x9f, 0x92],
].map((bytes) => Buffer.from(bytes));

/**
 * A frame in which anything may be wrong, and most is right: a fault is best hidden among what is not.
 *
 * @param isFragmented whether a message has begun that has not ended.
 */
export function frameInput(random: Random, isFragmented = false): Buffer {
  const opcode = random.chance(0.05)
    ? random.below(16)
    : random.chance(0.04)
      ? 0x8
      : random.chance(0.3)
        ? random.pick([0x9, 0xa])
        : isFragmented
          ? 0x0
          : random.pick([0x1, 0x2]);
  const bytes = frame(random, payloadFor(random, opcode), {
    opcode,
    final: random.chance(opcode >= 8 ? 0.95 : 0.7),
    reserved: random.chance(0.02) ? random.from(1, 7) : 0,
    masked: random.chance(0.98),
    lies: random.chance(0.04),
  });
  return random.chance(0.05) ? mutate(random, bytes) : bytes;
}

function payloadFor(random: Random, opcode: number): Buffer {
  if (opcode === 0x8) {
    if (random.chance(0.2)) return random.bytes(random.below(3));
    const code = Buffer.alloc(2);
    code.writeUInt16BE(random.pick(CLOSE_CODES));
    return Buffer.concat([
      code,
      random.chance(0.3) ? random.pick(BAD_UTF8) : random.bytes(random.below(130)),
    ]);
  }
  if (opcode >= 0x8) return random.bytes(random.chance(0.97) ? random.below(126) : random.from(126, 300));
  if (random.chance(0.05)) return random.pick(BAD_UTF8);
  if (random.chance(0.01)) return Buffer.alloc(random.from(65_000, 66_000), 'x');
  return random.chance(0.5) ? helloInput(random) : random.bytes(random.length(2000));
}

interface FrameShape {
  readonly opcode?: number;
  readonly final?: boolean;
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Whether the length has the form that the RFC wants. */
  readonly usual?: boolean;
  /** Whether the length that the frame declares is not that of its payload. */
  readonly lies?: boolean;
}

export function frame(
  random: Random,
  payload: Buffer,
  { opcode = 0x1, final = true, reserved = 0, masked = true, usual = false, lies = false }: FrameShape = {},
): Buffer {
  const declared =
    BigInt(payload.length) +
    (lies ? random.pick([-1n, 1n, 100n, 65_536n, 2n ** 31n, 2n ** 53n, 2n ** 63n]) : 0n);
  const length = declared < 0n ? 0n : declared;
  // Not always the shortest form that fits, as the RFC wants it.
  const isShort = (share: number) => usual || random.chance(share);
  const form = length < 126n && isShort(0.97) ? 0 : length < 65_536n && isShort(0.97) ? 2 : 8;
  const extended = Buffer.alloc(form);
  if (form === 2) extended.writeUInt16BE(Number(length));
  if (form === 8) extended.writeBigUInt64BE(length);
  const lengthBits = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  const head = Buffer.from([(final ? 0x80 : 0) | (reserved << 4) | opcode, (masked ? 0x80 : 0) | lengthBits]);
  if (!masked) return Buffer.concat([head, extended, payload]);
  const mask = random.bytes(4);
  const hidden = Buffer.from(payload);
  for (let index = 0; index < hidden.length; index++) {
    hidden[index] = (hidden[index] as number) ^ (mask[index % 4] as number);
  }
  return Buffer.concat([head, extended, mask, hidden]);
}
