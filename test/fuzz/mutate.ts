import type { Random } from './random.js';

const TELLING_BYTES = [
  0x00, 0x01, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x2c, 0x3a, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xe2, 0xf5, 0xff,
];
const TELLING_NUMBERS = [
  '0',
  '-1',
  '1',
  '007',
  '1e9',
  '0x10',
  '4294967296',
  '9007199254740993',
  '18446744073709551616',
  '9'.repeat(400),
  'NaN',
  '',
];

/** Does `bytes` a few injuries; `times` at most. */
export function mutate(random: Random, bytes: Buffer, times = 4): Buffer {
  let mutated = bytes;
  for (let count = random.from(1, times); count > 0; count--) mutated = injure(random, mutated);
  return mutated;
}

function injure(random: Random, bytes: Buffer): Buffer {
  if (bytes.length === 0) return random.bytes(random.from(1, 16));
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.length(32));
  const splice = (middle: Buffer, from = at, to = at) =>
    Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
  switch (random.below(9)) {
    case 0:
      return splice(Buffer.from([(bytes[at] as number) ^ (1 << random.below(8))]), at, at + 1);
    case 1:
      return splice(Buffer.from([random.pick(TELLING_BYTES)]), at, at + 1);
    case 2:
      return splice(random.bytes(random.from(1, 16)));
    case 3:
      return splice(Buffer.alloc(0), at, end);
    case 4:
      return splice(bytes.subarray(at, end));
    case 5:
      return bytes.subarray(0, at);
    case 6:
      return splice(Buffer.alloc(1 + random.length(300), bytes[at] as number));
    case 7: {
      const number = findNumber(bytes, at);
      return number === undefined
        ? splice(Buffer.from([random.pick(TELLING_BYTES)]))
        : splice(Buffer.from(random.pick(TELLING_NUMBERS)), number.from, number.to);
    }
    default:
      return splice(random.bytes(end - at), at, end);
  }
}

/** The digits around, or next after, a place. */
function findNumber(bytes: Buffer, at: number): { from: number; to: number } | undefined {
  const isDigit = (index: number) => (bytes[index] ?? 0) >= 0x30 && (bytes[index] ?? 0) <= 0x39;
  let from = at;
  while (from < bytes.length && !isDigit(from)) from += 1;
  if (from === bytes.length) return undefined;
  let to = from;
  while (isDigit(to)) to += 1;
  return { from, to };
}
