import type { z } from 'zod';
import type { EmitTarget } from '../emitter/emitter.js';
import type { FleetCalls } from '../fleet/messages.js';
import type { Measurements } from '../measure/measurements.js';
import type { Pace } from '../measure/pace.js';
import type { WatchedLoad } from '../measure/saturation.js';
import type { Member } from '../model/member.js';
import type { ClusterKind, Cohort, PhaseAction, Scenario } from '../model/scenario.js';
import type { Chance } from '../verdict/metric-kinds.js';

/** A phase in a file, checked: exactly one key names its kind. */
export interface PhaseFile extends Readonly<Record<string, unknown>> {
  readonly only?: ClusterKind;
  readonly expect?: readonly string[];
  readonly abortOnFail?: boolean;
}

/** What a phase of a file may refer to. */
export interface PhaseNames {
  readonly cohorts: readonly Cohort[];
  /** The index of a cohort. */
  cohort(name: string): number;
  /** The indexes of namespaces; of `all`, those that a cohort has a token for. */
  namespaces(names: readonly string[]): number[];
  /** Completes a phase inside of another. */
  action(phase: PhaseFile): PhaseAction;
  label(phase: PhaseFile): string;
}

/** What an action needs of the target and of the machine. */
export interface PhaseNeeds {
  /** Whether it takes a server that bench starts itself. */
  readonly ownServer?: boolean;
  /** A process of it. */
  readonly member?: Member;
  /** What it emits. */
  readonly emits?: { readonly namespaces: readonly number[]; readonly cursorLength: number };
  /** Connections of autocannon. */
  readonly loadConnections?: number;
  /** A cohort of which every client has a connection more, for its pulls. */
  readonly pullingCohort?: number;
}

/** What the live view shows of an action under way. */
export interface PhaseProgress {
  /** Default: the kind. */
  readonly name?: string;
  /** From 0 to 1, in words as well. Default: the time that has passed of the planned time. */
  readonly done?: { readonly share: number; readonly text: string };
  /** Shown when it takes longer than planned. */
  readonly late?: string;
}

/** A part of a run, for what a phase does in it. */
export interface PhaseShard {
  readonly isEmitter: boolean;
  /** Notes that it has done something later than the other shards take for granted: what it measured is not valid. */
  late(how: string): void;
}

/** A run, for what a phase does in it. */
export interface PhaseRun {
  readonly scenario: Scenario;
  /** Of the phase, for messages. */
  readonly label: string;
  /** Aborts when the run is stopped. */
  readonly signal: AbortSignal;
  /** When the present phase begins, on the monotonic clock: now, or when the timetable of shards has it. */
  startMs(): number;
  /** Set in a shard: the one that sends, or one that only receives. */
  readonly shard: PhaseShard | undefined;
  /** Those of the present phase. What ends after its phase still belongs there. */
  readonly measurements: Measurements;
  readonly emits: EmitTarget;
  /** Bench's own server. */
  readonly server: {
    shutDown(): Promise<{ readonly shutdownMs: number; readonly exitCode: number }>;
    startAgain(): Promise<void>;
    kill(member: Member): Promise<void>;
    /** Returns what makes it go on. */
    stop(member: Member): Promise<() => void>;
    /** Ends it where it runs, and starts it. */
    restart(member: Member): Promise<void>;
  };
  /** Calls every worker. */
  call<Method extends keyof FleetCalls>(
    method: Method,
    argument: Parameters<FleetCalls[Method]>[0],
  ): Promise<Awaited<ReturnType<FleetCalls[Method]>>[]>;
  /** Waits; returns early when the run is stopped. */
  pause(ms: number): Promise<void>;
  /** Carries out an action inside of another. */
  perform(action: PhaseAction): Promise<void>;
  /** Sets cursors aside: `plan` gets a number and the first of them, and says how many it takes. */
  reserve<Plan extends { readonly count: number }>(plan: (id: number, firstCursor: number) => Plan): Plan;
  /** Reports how far the emitter is behind the schedule of a plan. */
  onLag(plan: number, durationMs: number, lagP99Ms: number | undefined): void;
  /** Has an emit followed; returns what ends that. */
  follow(pace: Pace): (atMs: number) => void;
  /** How many clients of a cohort are connected. */
  open(cohort: number): number;
  /** Has connects followed, by how many are due; returns what ends that. */
  followConnects(due: Pace['due']): (atMs: number) => void;
  /** Notes something that went wrong with the server. */
  problem(text: string): void;
}

/** Everything about one kind of phase. */
export interface PhaseKind<File = unknown, Action extends PhaseAction = PhaseAction> {
  /** What happens, in a sentence. */
  readonly summary: string;
  /** Its settings in a file; `phase` is the schema of a phase inside of it. */
  schema(phase: z.ZodType<PhaseFile>): z.ZodType<File>;
  complete(file: File, names: PhaseNames): Action;
  /** What it does, in a few words. */
  label(file: File, names: PhaseNames): string;
  /** How long it is meant to take, without what the server takes on top; `inner` is that of the actions inside. */
  plannedMs(action: Action, cohorts: readonly Cohort[], inner: readonly number[]): number;
  needs?(action: Action): PhaseNeeds;
  /** How much longer than planned it waits for what does not come. Default: not at all. */
  patienceMs?(action: Action): number;
  /** Why shards cannot carry it out together; `undefined` for what they can. */
  whyNotSharded?(action: Action): string | undefined;
  /** What makes a count differ between two runs of the same code; for one cohort, or for all. */
  chance?(action: Action): { readonly of: Chance; readonly cohort?: number } | undefined;
  /** How the load generator is judged meanwhile; `undefined` where the actions inside decide. */
  readonly load: WatchedLoad | undefined;
  /** Whether its durations and deliveries do not count for the whole run. */
  readonly isWarmUp?: boolean;
  /** Counts that a line about the phase has even when they are 0. */
  readonly counts?: readonly ('opened' | 'disconnected' | 'deliveries' | 'lost')[];
  /** @param open connected clients, by cohort. */
  progress?(action: Action, cohorts: readonly Cohort[], open: readonly number[]): PhaseProgress;
  run(action: Action, run: PhaseRun): Promise<void>;
}

/** Checks a kind of phase; its types are those of its parts. */
export function phaseKind<File, Action extends PhaseAction>(
  kind: PhaseKind<File, Action>,
): PhaseKind<File, Action> {
  return kind;
}
