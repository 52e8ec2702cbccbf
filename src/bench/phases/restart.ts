import { member } from '../format/fields.js';
import { type Member, memberText } from '../model/member.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface RestartPhase extends PhaseAction {
  readonly kind: 'restart';
  readonly member: Member;
}

export const restart = phaseKind({
  summary:
    "A process of bench's own server, or its engine, ends and starts again; one that was killed starts.",
  schema: () => member,
  complete: (given): RestartPhase => ({ kind: 'restart', member: given }),
  label: (given) => `restart ${memberText(given)}`,
  plannedMs: () => 0,
  needs: ({ member: given }) => ({ ownServer: true, member: given }),
  chance: () => ({ of: 'downtime' }),
  load: 'other',
  run: ({ member: given }, run) => run.server.restart(given),
});
