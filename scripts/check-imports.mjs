// Checks the imports of src against .dependency-cruiser.cjs: their direction, and cycles between files and folders.
// dependency-cruiser cannot read TypeScript 7, so it gets a copy of src that has nothing but the imports.
//
//   node scripts/check-imports.mjs [folder with src]
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { parseSync } from 'oxc-parser';

const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const copy = mkdtempSync(join(tmpdir(), 'datafn-ws-imports-'));
try {
  for (const file of readdirSync(join(root, 'src'), { recursive: true })) {
    if (!/\.(ts|js)$/.test(file)) continue;
    const target = join(copy, 'src', file.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    const text = readFileSync(join(root, 'src', file), 'utf8');
    writeFileSync(
      target,
      importsOf(file, text)
        .map((specifier) => `import '${specifier}';\n`)
        .join(''),
    );
  }
  process.chdir(copy);
  const { output, exitCode } = await cruise(['src'], {
    ...options,
    validate: true,
    ruleSet: { forbidden },
    outputType: 'err',
  });
  process.stdout.write(output.replaceAll(/\.js\b/g, '.ts'));
  process.exitCode = exitCode > 0 ? 1 : 0;
} finally {
  process.chdir(root);
  rmSync(copy, { recursive: true });
}

/** What a module imports, in any form: types, re-exports and `import()` included. */
function importsOf(file, text) {
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const { staticImports, staticExports, dynamicImports } = module;
  const requests = [...staticImports, ...staticExports.flatMap(({ entries }) => entries)];
  const dynamic = dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start, end));
  const types = [...text.matchAll(/\bimport\((['"].+?['"])\)\./g)].map(([, quoted]) => quoted);
  return [
    ...requests.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ...[...dynamic, ...types]
      .filter((code) => /^(['"])[^'"]+\1$/.test(code))
      .map((code) => code.slice(1, -1)),
  ];
}
