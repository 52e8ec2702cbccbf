import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Backend } from '../../../src/verify/target/backend.js';
import { openTarget } from '../../../src/verify/target/open.js';
import { pushTrigger } from '../../../src/verify/target/triggers.js';
import { answerJson, httpBackend } from '../../support/fake-backend.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { outcomeOf } from '../outcome.js';
import { planOf } from '../plan.js';
import { disposeWrong, startWrong, TENANTS } from '../wrong-server.js';

afterEach(disposeWrong);

const { folder } = temporaryFolder('verify-open');

test('a server is stopped once, however many clauses ask for it', async () => {
  const { access } = await startWrong();
  const file = join(folder, 'stops');
  const stopCommand = `sh -c "echo stopped >> ${file}"`;
  const opened = await openTarget(planOf(access.url, { stopCommand }));
  await Promise.all([opened.access.stop?.(), opened.access.stop?.()]);
  await opened.access.stop?.();
  expect(readFileSync(file, 'utf8')).toBe('stopped\n');
});

test('a server that hangs up on HTTP has no API, which is no reason not to test the rest', async () => {
  const server = await httpBackend((request) => request.socket.destroy());
  try {
    const { access } = await openTarget(planOf(server.url.replace('http:', 'ws:')));
    expect([access.api, access.trigger]).toEqual([undefined, undefined]);
    await expect(outcomeOf('cursor/7', { ...access, tenants: TENANTS })).resolves.toMatch(
      /^skipped: .*the server has no HTTP API of datafn-ws; --trigger api/,
    );
  } finally {
    await server.close();
  }
});

test('a push that is refused tells what the backend answered', async () => {
  const server = await httpBackend((_, response) => answerJson(response, 500, { error: 'out of disk' }));
  try {
    const remote = `${server.url}/datafn`;
    const trigger = pushTrigger(new Backend({ remote, resource: 'todos', record: {}, tls: undefined }));
    const caused = trigger.open(() => '1').cause({ token: 'a', namespace: 'a' });
    await expect(caused).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      message: `A push to ${remote}/push got 500 {"error":"out of disk"}`,
    });
  } finally {
    await server.close();
  }
});
