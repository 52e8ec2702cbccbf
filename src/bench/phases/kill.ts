import { member } from '../format/fields.js';
import { type Member, memberText } from '../model/member.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface KillPhase extends PhaseAction {
  readonly kind: 'kill';
  readonly member: Member;
}

export const kill = phaseKind({
  summary: "A process of bench's own server, or its engine, is killed (SIGKILL).",
  schema: () => member,
  complete: (given): KillPhase => ({ kind: 'kill', member: given }),
  label: (given) => `kill ${memberText(given)}`,
  plannedMs: () => 0,
  needs: ({ member: given }) => ({ ownServer: true, member: given }),
  chance: () => ({ of: 'downtime' }),
  load: 'other',
  run: ({ member: given }, run) => run.server.kill(given),
});
