import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder for the files of a test file, removed after its last test. To be called while the file is loaded. */
export function temporaryFolder(name: string) {
  const folder = mkdtempSync(join(tmpdir(), `datafn-ws-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true }));
  return {
    folder,
    path: (file: string) => join(folder, file),
    /** Writes a file; its path. */
    file(name: string, text: string): string {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
  };
}
