import { MAX_TIMER_MS } from './longest-timer.js';

/** The result of reading a value with a unit: the number in the base unit, or what was expected instead. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly expected: string;
      /** What came instead, where that says more than the text itself. */
      readonly got?: string;
    };

const DURATION_UNITS: Readonly<Record<string, number>> = {
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  KB: 1000,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const RATE_UNITS: Readonly<Record<string, number>> = { s: 1, sec: 1, m: 1 / 60, min: 1 / 60, h: 1 / 3600 };

const QUANTITY = /^(\d+(?:_\d+)*(?:\.\d+)?)\s*([a-zA-Zµ]*)$/;

function fail<T>(expected: string): Parsed<T> {
  return { ok: false, expected };
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>, expected: string) {
  const match = QUANTITY.exec(text.trim());
  const factor = match?.[2] !== undefined && Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  if (match?.[1] === undefined || factor === undefined) return fail<number>(expected);
  return { ok: true, value: Number(match[1].replaceAll('_', '')) * factor } as const;
}

/** Reads a duration such as `500ms`, `10s`, `2m` or `1h` into milliseconds. A bare number other than 0 has no unit and is refused. */
export function parseDuration(text: string): Parsed<number> {
  const expected = 'a duration such as 500ms, 10s or 2m';
  if (text.trim() === '0') return { ok: true, value: 0 };
  const parsed = parseQuantity(text, DURATION_UNITS, expected);
  if (parsed.ok && parsed.value > MAX_TIMER_MS) return fail('a duration of at most 24 days');
  return parsed;
}

/** Reads a size such as `64KiB`, `1MiB` or `500B` into bytes. */
export function parseSize(text: string): Parsed<number> {
  if (text.trim() === '0') return { ok: true, value: 0 };
  const parsed = parseQuantity(text, SIZE_UNITS, 'a size such as 500B, 64KiB or 1MiB');
  return parsed.ok && !Number.isSafeInteger(parsed.value) ? fail('a size of whole bytes') : parsed;
}

/** Reads a rate such as `50/s` or `300/m` into events per second. Zero is refused: it would never come to an end. */
export function parseRate(text: string): Parsed<number> {
  const expected = 'a rate such as 50/s or 300/m';
  const [amount, unit, ...rest] = text.split('/');
  if (amount === undefined || unit === undefined || rest.length > 0) return fail(expected);
  const factor = Object.hasOwn(RATE_UNITS, unit.trim()) ? RATE_UNITS[unit.trim()] : undefined;
  const parsed = parseQuantity(amount, { '': 1 }, expected);
  if (!parsed.ok || factor === undefined) return fail(expected);
  const perSecond = parsed.value * factor;
  if (!(perSecond > 0 && Number.isFinite(perSecond))) return fail(expected);
  // One that comes later than a timer can wait would come at once.
  if (1000 / perSecond > MAX_TIMER_MS) return fail('a rate of at least one in 24 days');
  return { ok: true, value: perSecond };
}

/** Reads a whole number that is not negative; digits may be grouped with `_`. */
export function parseCount(text: string): Parsed<number> {
  const parsed = parseQuantity(text, { '': 1 }, 'a whole number');
  if (!parsed.ok || !Number.isSafeInteger(parsed.value)) return fail('a whole number');
  return parsed;
}

function trimZeros(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** Milliseconds for people: `850 µs`, `12.3 ms`, `2.5 s`, `3 m 20 s`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms === 0) return '0 ms';
  if (ms < 0.9995) return `${trimZeros(ms * 1000, 0)} µs`;
  if (ms < 999.5) return `${trimZeros(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
  if (ms < 119_950) return `${trimZeros(ms / 1000, ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds % 60 === 0 ? `${seconds / 60} m` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

/** Milliseconds the way a flag takes them, without loss: `90000` becomes `90s`, `1500` `1500ms`. */
export function formatDurationFlag(ms: number): string {
  if (ms === 0) return '0';
  if (ms % 1000 === 0) return `${ms / 1000}s`;
  return Number.isInteger(ms) ? `${ms}ms` : `${trimZeros(ms * 1000, 3)}us`;
}

/** Bytes for people, in binary units: `64 KiB`, `1.5 MiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${trimZeros(bytes, 0)} B`;
  if (bytes < 1024 ** 2 - 51.2) return `${trimZeros(bytes / 1024, 1)} KiB`;
  if (bytes < 1024 ** 3 - 51.2 * 1024) return `${trimZeros(bytes / 1024 ** 2, 1)} MiB`;
  return `${trimZeros(bytes / 1024 ** 3, 2)} GiB`;
}

/** Bytes the way a flag takes them, without loss: `65536` becomes `64KiB`, `1500` `1500B`. */
export function formatSizeFlag(bytes: number): string {
  const [unit, factor] = (['GiB', 'MiB', 'KiB'] as const)
    .map((name) => [name, SIZE_UNITS[name] as number] as const)
    .find(([, size]) => bytes > 0 && bytes % size === 0) ?? ['B', 1];
  return `${bytes / factor}${unit}`;
}

/** A count with thousands separators: `10,000`. */
export function formatCount(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : trimZeros(value, 2);
}

/** A share in whole percent: 0.734 is `73%`. */
export function formatPercent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** A count with its noun: `1 client`, `2,000 clients`. */
export function formatAmount(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
