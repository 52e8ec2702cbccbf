import { packageVersion } from '../backplane/version.js';

export const version: string = packageVersion();
