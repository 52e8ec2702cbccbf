import { duration, strict } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface RestartServerPhase extends PhaseAction {
  readonly kind: 'restart-server';
  readonly downtimeMs: number;
}

const settings = strict({
  downtime: duration.default(0).describe('Time between its exit and its start. Default 0.'),
});

export const restartServer = phaseKind({
  summary: "bench's own server is shut down and started again, on the same port.",
  schema: () => settings,
  complete: ({ downtime }): RestartServerPhase => ({ kind: 'restart-server', downtimeMs: downtime }),
  label: () => 'restart the server',
  plannedMs: ({ downtimeMs }) => downtimeMs,
  needs: () => ({ ownServer: true }),
  chance: () => ({ of: 'downtime' }),
  load: 'other',
  async run({ downtimeMs }, run) {
    await run.server.shutDown();
    await run.pause(downtimeMs);
    await run.server.startAgain();
  },
});
