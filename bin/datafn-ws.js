#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cli = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(cli)) {
  try {
    const { main } = await import(cli);
    main();
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
    process.stderr.write('error: Too few file descriptors to start. Raise the limit with ulimit -n\n');
    process.exitCode = 3;
  }
} else {
  // A checkout that was installed with --ignore-scripts or --omit=dev. A package from the registry is built.
  const folder = fileURLToPath(new URL('..', import.meta.url));
  process.stderr.write(`error: datafn-ws is not built. Run \`npm ci && npm run build\` in ${folder}\n`);
  process.exitCode = 70;
}
