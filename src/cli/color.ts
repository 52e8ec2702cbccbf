import { Chalk, type ChalkInstance } from 'chalk';
import type { Io } from './io.js';

/**
 * Colors for one of the two output streams: `FORCE_COLOR` decides if it is set, else `NO_COLOR`, else whether that
 * stream is a terminal.
 */
export function colorsFor(io: Io, stream: 'stdout' | 'stderr'): ChalkInstance {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = io.env;
  if (force !== undefined) {
    const level = force === '' || force === 'true' ? 1 : force === 'false' ? 0 : Number.parseInt(force, 10);
    return new Chalk({ level: level === 0 ? 0 : level === 2 ? 2 : level === 3 ? 3 : 1 });
  }
  const isOn = (no === undefined || no === '') && io[stream].isTTY === true && term !== 'dumb';
  return new Chalk({ level: isOn ? 1 : 0 });
}
