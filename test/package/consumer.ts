import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { it } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `MATRIX=whole` runs each cell of a matrix; without it, each row and each column runs in one cell. */
export const isWholeMatrix = process.env.MATRIX === 'whole';

/** What a command gave; of one that failed as well. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a command in a folder, without what the run of the tests has in its environment. */
export async function run(
  folder: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_|INIT_CWD$|NODE_OPTIONS$|NODE_ENV$|VITEST|CI$|DATAFN_)/i.test(name) ||
      /^npm_config_/i.test(name),
  );
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, {
      cwd: folder,
      env: { ...Object.fromEntries(inherited), ...env },
      maxBuffer: 2 ** 26,
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : 1, output: `${stdout}${stderr}${stdout ? '' : error}` };
  }
}

/** As {@link run}; throws with the output of a command that failed. */
export async function mustRun(...args: Parameters<typeof run>): Promise<string> {
  const { code, output } = await run(...args);
  if (code !== 0) throw new Error(`${args[1]} ${args[2].join(' ')} exited with ${code}:\n${output}`);
  return output;
}

/** Packs what is built as npm would publish it; the file. */
export async function pack(folder: string): Promise<string> {
  const output = await mustRun(ROOT, 'npm', [
    'pack',
    '--silent',
    '--ignore-scripts',
    '--pack-destination',
    folder,
  ]);
  return join(folder, output.trim().split('\n').at(-1) as string);
}

/** A project in an empty folder. */
export function project(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries({
    'package.json': '{"private":true,"type":"module"}',
    ...files,
  })) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return folder;
}

export const isOnline =
  (await run(ROOT, 'npm', ['ping', '--fetch-retries=0', '--fetch-timeout=10000'])).code === 0;
if (!isOnline && process.env.CI === 'true') throw new Error('CI reaches no package registry');

/** A test that installs packages; skipped, with a line that says so, where no registry is reached. */
export const online = isOnline ? it : it.skip;
