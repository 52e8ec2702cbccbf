import { execFile } from 'node:child_process';
import type { Io } from '../io.js';
import type { BenchFlags } from './options.js';

/** How long git may take; without it, the report has no revision. */
const GIT_MS = 2000;

/** The commit that is tested, as far as it is known; asked for only if a JSON report is to have it. */
export async function revisionOf(
  { revision, json }: Pick<BenchFlags, 'revision' | 'json'>,
  { env }: Pick<Io, 'env'>,
): Promise<string | undefined> {
  const given = revision ?? (env.GITHUB_SHA || env.CI_COMMIT_SHA || undefined);
  if (given !== undefined || json === undefined) return given;
  return new Promise((resolve) => {
    const asked = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    execFile('git', asked, { timeout: GIT_MS, windowsHide: true }, (error, stdout) =>
      resolve(error === null && stdout.trim() !== '' ? stdout.trim() : undefined),
    );
  });
}
