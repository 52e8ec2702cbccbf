import { basename } from 'node:path';

const IMPORT = /^import\s[^;]*?from\s+['"](\.\/[^'"]+)['"];\n?/gm;
const EXPORTED = /^export (?=(?:async )?(?:function|const|class)\s)/gm;
const DECLARED = /^(?:async )?(?:function\*?|const|let|class) +(\w+)/gm;

/**
 * The modules that `entry` imports, in one script: each after those that it imports itself. They import one another by name
 * from the same folder and nothing else, and no two declare the same name.
 *
 * @param read returns the text of a file.
 * @throws {Error} for modules that cannot be joined like this.
 */
export function joinedModules(entry: URL, read: (file: URL) => string): string {
  const owners = new Map<string, string>();
  const seen = new Set<string>();
  const parts: string[] = [];
  const add = (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const source = read(url);
    for (const [, path = ''] of source.matchAll(IMPORT)) add(new URL(path, url));
    const body = source.replace(IMPORT, '').replace(EXPORTED, '');
    const name = basename(url.pathname);
    if (/^(?:import|export)\s/m.test(body))
      throw new Error(`Expected only named imports and exports in ${name}`);
    for (const [, declared = ''] of body.matchAll(DECLARED)) {
      const owner = owners.get(declared);
      if (owner !== undefined) throw new Error(`Both ${owner} and ${name} declare ${declared}`);
      owners.set(declared, name);
    }
    parts.push(`// ${name}\n${body.trim()}\n`);
  };
  add(entry);
  return parts.join('\n');
}
