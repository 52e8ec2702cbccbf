import { strict } from '../format/fields.js';
import { phaseKind } from './kind.js';

const settings = strict({});

export const shutdownServer = phaseKind({
  summary: "bench's own server is shut down.",
  schema: () => settings,
  complete: () => ({ kind: 'shutdown-server' }),
  label: () => 'shut the server down',
  plannedMs: () => 0,
  needs: () => ({ ownServer: true }),
  chance: () => ({ of: 'downtime' }),
  load: 'other',
  async run(_, run) {
    const { server } = run.measurements;
    Object.assign(server, await run.server.shutDown());
  },
});
