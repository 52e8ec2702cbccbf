import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The page of bench in CI. */
export const ciPage = readFileSync(join(import.meta.dirname, '../../docs/ci.md'), 'utf8');

/** The files that the page has: a name in backticks, and the block below it. */
export const ciFiles = Object.fromEntries(
  [...ciPage.matchAll(/^`([\w./-]+)`:\n\n```yaml\n([\s\S]*?)^```$/gm)].map(([, name, content]) => [
    name,
    content,
  ]),
) as Record<string, string>;

export interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly if?: string;
  readonly with?: { readonly path?: string };
}

export const ciSteps: Step[] = parse(ciFiles['.github/workflows/bench.yaml'] ?? '').jobs.bench.steps;
export const gitlabJob = parse(ciFiles['.gitlab-ci.yml'] ?? '').bench;

/** What a CI system runs: the commands of the page, in a project that has the package. */
export const ciCommands = {
  'GitHub Actions': ciSteps.filter((step) => step.if === undefined).flatMap(({ run }) => run ?? []),
  GitLab: gitlabJob.script as string[],
};
