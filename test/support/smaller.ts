import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface ScenarioText {
  readonly phases: readonly Record<string, unknown>[];
  readonly expect: readonly string[];
}

/**
 * Arguments of `bench` that run a shipped scenario with other, smaller values.
 *
 * @param rules what stands in place of a rule of it; a rule that it does not have is an error.
 * @param paths values by path; `phases[emit]` is its first phase that emits, whatever number that has.
 */
export function smaller(
  name: string,
  rules: Readonly<Record<string, string>>,
  paths: Readonly<Record<string, string>>,
): string[] {
  const shipped: ScenarioText = parse(
    readFileSync(join(import.meta.dirname, `../../scenarios/${name}.yaml`), 'utf8'),
  );
  const assignments = Object.entries(paths).map(([path, value]) => {
    const kind = /^phases\[([a-z-]+)\]/.exec(path)?.[1];
    if (kind === undefined) return `${path}=${value}`;
    const index = shipped.phases.findIndex((phase) => Object.hasOwn(phase, kind));
    if (index === -1) throw new Error(`${name} has no phase ${kind} any more`);
    return `${path.replace(`[${kind}]`, `[${index}]`)}=${value}`;
  });
  for (const [rule, instead] of Object.entries(rules)) {
    const index = shipped.expect.indexOf(rule);
    if (index === -1) throw new Error(`${name} does not expect ${rule} any more`);
    assignments.push(`expect[${index}]=${instead}`);
  }
  return [name, ...assignments.flatMap((assignment) => ['--set', assignment])];
}
