/** A stretch of time in which a rate goes evenly from one value to another. */
export interface Stage {
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly durationMs: number;
}

/** How many events a stage has until a time in it, in milliseconds from its beginning. */
function eventsIn({ fromPerSecond: from, toPerSecond: to, durationMs }: Stage, atMs: number): number {
  const seconds = atMs / 1000;
  return from * seconds + ((to - from) * seconds * seconds) / (2 * (durationMs / 1000));
}

/** When a stage has had so many events, in milliseconds from its beginning. */
function timeIn({ fromPerSecond: from, toPerSecond: to, durationMs }: Stage, events: number): number {
  // The area under the rate up to t: from·t + (to - from)·t²/(2T) = events.
  const slope = (to - from) / (durationMs / 1000);
  if (slope === 0) return (events * 1000) / from;
  const root = Math.sqrt(Math.max(0, from * from + 2 * slope * events));
  // Not `(root - from) / slope`, which loses its digits where the slope is slight.
  return (1000 * 2 * events) / (from + root);
}

/** All events of stages. */
export function totalEvents(stages: readonly Stage[]): number {
  return stages.reduce((total, stage) => total + eventsIn(stage, stage.durationMs), 0);
}

/** How long stages last, in milliseconds. */
export function totalMs(stages: readonly Stage[]): number {
  return stages.reduce((total, { durationMs }) => total + durationMs, 0);
}

/** How many events come before a time; after the last stage, as many as there are. Fractions count. */
export function eventsBefore(stages: readonly Stage[], atMs: number): number {
  let events = 0;
  let leftMs = atMs;
  for (const stage of stages) {
    if (leftMs <= 0) return events;
    events += eventsIn(stage, Math.min(leftMs, stage.durationMs));
    leftMs -= stage.durationMs;
  }
  return events;
}

/**
 * When so many events have come; the inverse of {@link eventsBefore}. Beyond the last stage, its last rate goes on.
 */
export function timeOf(stages: readonly Stage[], events: number): number {
  let atMs = 0;
  let left = events;
  for (const stage of stages) {
    const own = eventsIn(stage, stage.durationMs);
    if (left <= own) return atMs + timeIn(stage, left);
    left -= own;
    atMs += stage.durationMs;
  }
  return atMs + (left * 1000) / (stages.at(-1)?.toPerSecond ?? 1);
}
