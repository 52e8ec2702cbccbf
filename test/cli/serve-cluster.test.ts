import { expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';

test('--cluster is a secret: neither a check nor an error shows what is in it', async () => {
  const good = await runWith(['serve', '--check'], { DATAFN_WS_CLUSTER: 'redis://u:hunter2@127.0.0.1:6379' });
  expect(good.stdout).toMatch(/^cluster: "?\*\*\*"? +# DATAFN_WS_CLUSTER$/m);
  expect(good.stdout + good.stderr).not.toContain('hunter2');
  const bad = await runWith(['serve', '--cluster', 'http://u:hunter2@127.0.0.1']);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain('Expected --cluster to be a Redis URL such as redis://127.0.0.1:6379');
  expect(bad.stderr).not.toContain('hunter2');
  const prefix = await runWith(['serve', '--cluster-prefix', 'a{b}']);
  expect(prefix.stderr).toContain(
    'Expected --cluster-prefix to be a text of at most 100 characters without braces',
  );
});
