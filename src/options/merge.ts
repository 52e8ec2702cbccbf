import { benchOptions } from './bench.js';

/** Every option of `datafn-ws merge`, reports apart. */
export const mergeOptions = { strict: { ...benchOptions.strict, group: undefined } } as const;
