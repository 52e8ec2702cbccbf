import { findOptions } from '../../options/find.js';
import type { Resolved } from '../../options/spec.js';
import { reportOptions } from './options.js';

/** Every flag of `bench find`. */
export const findFlags = { ...findOptions, ...reportOptions } as const;

export type FindFlags = Resolved<typeof findFlags>;
