import type { Command } from 'commander';
import { nearest } from '../text/nearest.js';

/**
 * An error of Commander's, without what stands behind the `=` of an option that there is not: it may be a secret. With
 * it there, Commander found no option that is near, either.
 */
export function withoutValue(text: string, { options }: Command): string {
  const [, flag] = /^error: unknown option '(-[^=]*)=/.exec(text) ?? [];
  if (flag === undefined) return text;
  const flags = options.flatMap(({ long }) => long ?? []);
  // A switch takes no value, which makes it unknown, too.
  if (flags.includes(flag)) return `error: option '${flag}' takes no value\n`;
  const near = nearest(flag, flags);
  return `error: unknown option '${flag}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}\n`;
}
