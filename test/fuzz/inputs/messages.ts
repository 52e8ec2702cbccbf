import { mutate } from '../mutate.js';
import type { Random } from '../random.js';

/** The text of a hello with something odd in it. */
export function helloInput(random: Random): Buffer {
  const type = random.chance(0.9) ? '"hello"' : json(random, 2);
  const fields = [
    `"type":${type}`,
    ...(random.chance(0.8) ? [`"clientId":${random.chance(0.5) ? '"tab-1"' : json(random, 2)}`] : []),
    ...(random.chance(0.5) ? [`"cursor":${random.chance(0.5) ? '"41"' : json(random, 2)}`] : []),
    ...(random.chance(0.5) ? [`"cursors":${random.chance(0.5) ? '{"todos":"42"}' : json(random, 3)}`] : []),
    ...(random.chance(0.3) ? [`"namespace":"healthy:${random.below(2)}"`] : []),
    ...(random.chance(0.1) ? ['"__proto__":{"namespace":"healthy:0","type":"hello"}'] : []),
  ];
  const text = Buffer.from(`{${fields.join(',')}}`);
  if (random.chance(0.7)) return text;
  const mutated = mutate(random, text);
  // Mostly UTF-8 all the same: what is not ends the connection, and whatever would have followed.
  return random.chance(0.02) ? mutated : Buffer.from(mutated.toString());
}

export const STRINGS = [
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u2028"',
  '"\\u001b[2J"',
  '"toString"',
  '"__proto__"',
  '"💩"',
  '"-1"',
  '"NaN"',
  '"9007199254740993"',
];

/** Any JSON value, or nearly. */
export function json(random: Random, depth: number): string {
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return random.pick(['null', 'true', 'false', 'undefined', 'NaN', '']);
    case 1:
      return random.pick(['0', '-0', '1e999', '42', '4.2', '-1', '0x1', '9'.repeat(40)]);
    case 2:
      return random.pick(STRINGS);
    case 3:
      return `"${'c'.repeat(random.pick([1, 255, 256, 257, 1000]))}"`;
    case 4:
      return random.chance(0.01) ? '['.repeat(random.from(100, 20_000)) : '[]';
    case 5:
      return `[${Array.from({ length: random.below(4) }, () => json(random, depth - 1)).join(',')}]`;
    default:
      return `{${Array.from({ length: random.below(4) }, () => `${random.pick(STRINGS)}:${json(random, depth - 1)}`).join(',')}}`;
  }
}
