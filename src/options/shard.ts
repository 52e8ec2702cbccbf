import type { Parsed } from '../text/units.js';

/** A part of a run as it is given: the `index`-th of `of`. */
export interface GivenShard {
  readonly index: number;
  readonly of: number;
}

/** Most parts of a run. */
const MAX_SHARDS = 1000;

export function parseShard(given: string): Parsed<GivenShard | undefined> {
  const [, index, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(given.trim()) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (index === undefined || shard.of < 1 || shard.of > MAX_SHARDS)
    return { ok: false, expected: 'PART/PARTS, such as 2/4' };
  if (shard.index < 1 || shard.index > shard.of)
    return { ok: false, expected: `one of the parts 1/${shard.of} to ${shard.of}/${shard.of}` };
  return { ok: true, value: shard };
}

const TIME = 'a time such as 2030-01-31T12:00Z, or seconds since 1970';

/** Reads a time into milliseconds since 1970. Without a time zone it would be another time on each machine. */
export function parseTime(given: string): Parsed<number | undefined> {
  const text = given.trim();
  if (/^\d{10}(\.\d{1,3})?$/.test(text)) return { ok: true, value: Math.round(Number(text) * 1000) };
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)$/i.test(text))
    return { ok: false, expected: TIME };
  const value = Date.parse(text);
  return Number.isNaN(value) ? { ok: false, expected: TIME } : { ok: true, value };
}
