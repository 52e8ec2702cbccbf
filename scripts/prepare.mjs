// The build after `npm ci` and after an install from git. `npm ci --omit=dev` leaves out the compiler: it installs the
// dependencies alone, and says so. `npm pack` and `npm publish` build in `prepack`, which must not fail.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (process.env.npm_command === 'pack' || process.env.npm_command === 'publish') process.exit();
const root = new URL('..', import.meta.url);
if (existsSync(new URL('node_modules/typescript', root))) {
  execSync('npm run -s build', { cwd: root, stdio: 'inherit' });
} else if (!existsSync(new URL('dist', root))) {
  console.error('datafn-ws is not built, as TypeScript is not installed: run `npm ci && npm run build`.');
}
