import type { ChalkInstance } from 'chalk';
import { barsOf, type PhaseMoment, seconds } from '../../bench/live/bars.js';
import { clientCount } from '../../bench/model/scenario.js';
import { printable } from '../../text/printable.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { shorten, widthOf } from '../../text/wrap.js';

/** Widest that a bar gets. */
const BAR_WIDTH = 24;
/** Bars of a phase that does many things at once. */
const MAX_BARS = 6;
const NAME_WIDTH = 16;

/** What the live view shows. */
export interface LiveMoment extends PhaseMoment {
  /** `3/8`. */
  readonly step: string;
  readonly deliveriesPerSecond: number;
}

/** The lines of the live view: what the phase is, a bar for each thing that it does, and the numbers. */
export function liveLines(moment: LiveMoment, columns: number, colors: ChalkInstance): string[] {
  const { scenario, phase, step, elapsedMs, progress } = moment;
  const bars = barsOf(moment);
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
