import type { ChalkInstance } from 'chalk';
import { clientCount, type Phase, type PhaseAction, type Scenario } from '../../bench/model/scenario.js';
import { kindOf, plannedMs } from '../../bench/phases/index.js';
import type { RunProgress } from '../../bench/recorder.js';
import { printable } from '../../text/printable.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { shorten, widthOf } from '../../text/wrap.js';

/** Widest that a bar gets. */
const BAR_WIDTH = 24;
/** Bars of a phase that does many things at once. */
const MAX_BARS = 6;
const NAME_WIDTH = 16;

/** A moment of a phase under way. */
export interface LiveMoment {
  readonly scenario: Scenario;
  readonly phase: Phase;
  /** `3/8`. */
  readonly step: string;
  readonly elapsedMs: number;
  readonly progress: RunProgress;
  readonly deliveriesPerSecond: number;
}

/** The lines of the live view: what the phase is, a bar for each thing that it does, and the numbers. */
export function liveLines(moment: LiveMoment, columns: number, colors: ChalkInstance): string[] {
  const { scenario, phase, step, elapsedMs, progress } = moment;
  const bars = (phase.kind === 'parallel' ? (phase.phases ?? []) : [phase]).map((action) =>
    barOf(action, moment),
  );
  const shown = bars.slice(0, MAX_BARS);
  const nameWidth = Math.min(NAME_WIDTH, Math.max(...shown.map(({ name }) => widthOf(name))));
  const textWidth = Math.max(...shown.map(({ text }) => widthOf(text)));
  const barWidth = Math.max(4, Math.min(BAR_WIDTH, columns - nameWidth - textWidth - 6));
  const took = `  ${seconds(elapsedMs)}`;
  const label = shorten(printable(phase.label), columns - step.length - 1 - took.length);
  const connected = progress.open.reduce((total, count) => total + count, 0);
  const { fanoutP99Ms, failed } = progress;
  return [
    `${colors.dim(step)} ${label}${colors.dim(took)}`,
    ...shown.map(({ name, share, text }) => {
      const filled = Math.round(share * barWidth);
      const bar = `${colors.cyan('█'.repeat(filled))}${colors.dim('░'.repeat(barWidth - filled))}`;
      const room = Math.max(0, columns - nameWidth - barWidth - 6);
      const shortName = shorten(name, nameWidth);
      return `  ${shortName}${' '.repeat(nameWidth - widthOf(shortName))}  ${bar}  ${shorten(text, room)}`;
    }),
    ...(bars.length > MAX_BARS ? [`  and ${bars.length - MAX_BARS} more`] : []),
    ...packed(
      [
        `${formatCount(connected)} of ${formatCount(clientCount(scenario))} connected`,
        `${formatCount(moment.deliveriesPerSecond)} deliveries/s`,
        `fan-out p99 ${fanoutP99Ms === undefined ? '–' : formatDuration(fanoutP99Ms)}`,
        `${formatCount(failed)} closed or failed`,
      ],
      columns - 2,
    ).map((line) => colors.dim(`  ${line}`)),
  ];
}

interface Bar {
  readonly name: string;
  /** From 0 to 1. */
  readonly share: number;
  readonly text: string;
}

function barOf(action: PhaseAction, { scenario, elapsedMs, progress }: LiveMoment): Bar {
  const { cohorts } = scenario;
  const {
    name = action.kind,
    done,
    late = 'nearly done',
  } = kindOf(action).progress?.(action, cohorts, progress.open) ?? {};
  if (done !== undefined) return { name, share: clamp(done.share), text: done.text };
  const planned = plannedMs(action, scenario);
  if (elapsedMs <= planned)
    return { name, share: elapsedMs / planned, text: `${seconds(elapsedMs)} of ${seconds(planned)}` };
  return { name, share: 1, text: planned === 0 ? 'under way' : late };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** With one digit, so that it does not jump about while it runs. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Puts parts on as few lines of at most `width` as they need. */
function packed(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 2 + widthOf(part) <= width)
      lines[lines.length - 1] = `${last}, ${part}`;
    else lines.push(shorten(part, width));
  }
  return lines;
}
