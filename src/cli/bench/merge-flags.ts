import { mergeOptions } from '../../options/merge.js';
import { reportOptions } from './options.js';

/** Every flag of `merge`. */
export const mergeFlags = { ...mergeOptions, ...reportOptions } as const;
