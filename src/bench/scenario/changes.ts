import { type Path, pathText } from '../../options/yaml.js';
import type { ScenarioChange } from './model.js';

/** A value that `--set` has put into a scenario. */
export interface Assignment {
  readonly path: Path;
  /** The value as it was given. */
  readonly value: string;
  /** The value in the file, as it stands there; `undefined` when there is none. */
  readonly before: string | undefined;
}

/** What assignments have changed; of several to one place the last counts. */
export function changesOf(assignments: readonly Assignment[]): ScenarioChange[] {
  const byPath = new Map<string, ScenarioChange>();
  for (const { path: parts, value, before: found } of assignments) {
    const path = pathText(parts);
    const known = byPath.get(path);
    const before = known === undefined ? found : known.before;
    if (value === before) byPath.delete(path);
    else byPath.set(path, { path, value, before });
  }
  return [...byPath.values()];
}
