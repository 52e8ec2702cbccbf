import { formatDuration } from '../../text/units.js';
import { lasting, member, strict } from '../format/fields.js';
import { type Member, memberText } from '../model/member.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface StopPhase extends PhaseAction {
  readonly kind: 'stop';
  readonly member: Member;
  readonly durationMs: number;
}

const settings = strict({
  what: member,
  for: lasting.describe('How long.'),
});

export const stop = phaseKind({
  summary: "A process of bench's own server, or its engine, stands still (SIGSTOP), and goes on (SIGCONT).",
  schema: () => settings,
  complete: ({ what, for: durationMs }): StopPhase => ({ kind: 'stop', member: what, durationMs }),
  label: ({ what, for: durationMs }) => `stop ${memberText(what)} for ${formatDuration(durationMs)}`,
  plannedMs: ({ durationMs }) => durationMs,
  needs: ({ member: given }) => ({ ownServer: true, member: given }),
  chance: () => ({ of: 'downtime' }),
  load: 'other',
  async run({ member: given, durationMs }, run) {
    const goOn = await run.server.stop(given);
    try {
      await run.pause(durationMs);
    } finally {
      goOn();
    }
  },
});
