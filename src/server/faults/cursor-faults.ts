import { encodeServerFrame, OPCODE } from '../../protocol/frames.js';
import { PreparedMessage } from '../../protocol/messages.js';
import type { ConnectionInfo } from '../events/events.js';
import type { ActiveRule } from './active-rule.js';
import type { FaultName } from './kinds.js';

/** Takes a message that is to be sent. */
export type Sender = (message: PreparedMessage) => void;

/** The client that a fault is about, and what the fault works with. */
export interface FaultScene {
  readonly client: ConnectionInfo & { readonly heard: string | undefined };
  later(ms: number, callback: () => void): () => void;
  /** Calls back when the time of a rule is over, unless the client is gone by then. */
  whenEnded(rule: ActiveRule, listener: () => void): void;
  /** Takes a chance of a rule, if that is about this client. */
  takes(rule: ActiveRule): boolean;
}

/** Cursors that are held back for one client; the oldest is lost for a newer one. */
const MAX_HELD = 1000;

/** The cursor that a message is sent for, where a fault has made it of another; `undefined` for none. */
const ORIGINALS = new WeakMap<PreparedMessage, PreparedMessage | undefined>();

/** The message of the broadcast that this one is sent for; `undefined` where it has no cursor in it. */
export function originalOf(message: PreparedMessage): PreparedMessage | undefined {
  return ORIGINALS.has(message) ? ORIGINALS.get(message) : message;
}

/** A message that takes the place of another, and counts as it. */
function inPlaceOf(original: PreparedMessage, made: PreparedMessage): PreparedMessage {
  ORIGINALS.set(made, originalOf(original));
  return made;
}

type CursorFault = (rule: ActiveRule, scene: FaultScene, send: Sender) => Sender;

/** Each fault of cursors, and `fragment`: stands before `send`, which takes what is left of a message. */
export const CURSOR_FAULTS: { readonly [Name in FaultName]?: CursorFault } = {
  drop: (rule, scene, send) => (message) => {
    if (!scene.takes(rule)) send(message);
  },

  delay(rule, scene, send) {
    const waiting: PreparedMessage[] = [];
    let lastAtMs = 0;
    const sendOldest = () => {
      const message = waiting.shift();
      if (message !== undefined) send(message);
    };
    scene.whenEnded(rule, () => {
      while (waiting.length > 0) sendOldest();
    });
    return (message) => {
      const nowMs = performance.now();
      const delayMs = scene.takes(rule) ? rule.delayMs() : 0;
      if (delayMs === 0 && waiting.length === 0) {
        send(message);
        return;
      }
      lastAtMs = Math.max(lastAtMs, nowMs + delayMs);
      waiting.push(message);
      scene.later(lastAtMs - nowMs, sendOldest);
    };
  },

  hold(rule, scene, send) {
    let held: PreparedMessage[] = [];
    scene.whenEnded(rule, () => {
      const released = held;
      held = [];
      for (const message of released) send(message);
    });
    return (message) => {
      if (!scene.takes(rule)) {
        send(message);
        return;
      }
      held.push(message);
      if (held.length > MAX_HELD) held.shift();
    };
  },

  reorder(rule, scene, send) {
    const { window, withinMs } = rule.rule.settings;
    let collected: PreparedMessage[] = [];
    let cancel = () => {};
    const sendAll = () => {
      cancel();
      const mixed = rule.shuffled(collected);
      collected = [];
      for (const message of mixed) send(message);
    };
    scene.whenEnded(rule, sendAll);
    return (message) => {
      if (!scene.takes(rule)) {
        send(message);
        return;
      }
      collected.push(message);
      if (collected.length === 1) cancel = scene.later(withinMs, sendAll);
      if (collected.length >= window) sendAll();
    };
  },

  duplicate: (rule, scene, send) => (message) => {
    send(message);
    if (!scene.takes(rule)) return;
    for (let copy = 0; copy < rule.rule.settings.copies; copy++) send(message);
  },

  'drop-last'(rule, scene, send) {
    let last: PreparedMessage | undefined;
    let cancel = () => {};
    const sendLast = () => {
      if (last !== undefined) send(last);
      last = undefined;
    };
    scene.whenEnded(rule, sendLast);
    return (message) => {
      sendLast();
      if (rule.isOver) {
        send(message);
        return;
      }
      last = message;
      cancel();
      cancel = scene.later(rule.rule.settings.burstMs, () => {
        if (scene.takes(rule)) last = undefined;
        else sendLast();
      });
    };
  },

  lower: (rule, scene, send) => (message) => {
    const { cursor } = message;
    if (!/^\d+$/.test(cursor) || !scene.takes(rule)) {
      send(message);
      return;
    }
    const number = BigInt(cursor) - BigInt(rule.rule.settings.by);
    send(inPlaceOf(message, new PreparedMessage(String(number < 0n ? 0n : number))));
  },

  junk: (rule, scene, send) => (message) => {
    if (!scene.takes(rule)) {
      send(message);
      return;
    }
    // The client knows no newer cursor after it.
    const junk = new PreparedMessage(scene.client.heard ?? '0', undefined, rule.rule.settings.text);
    ORIGINALS.set(junk, undefined);
    send(junk);
  },

  'extra-fields': (rule, scene, send) => (message) => {
    const { cursor } = message;
    const { fields } = rule.rule.settings;
    const text = JSON.stringify({ ...fields, type: 'cursor', cursor });
    send(scene.takes(rule) ? inPlaceOf(message, new PreparedMessage(cursor, undefined, text)) : message);
  },

  fragment: (rule, scene, send) => (message) => {
    const { parts } = rule.rule.settings;
    send(scene.takes(rule) ? inPlaceOf(message, new FragmentedMessage(message, parts)) : message);
  },
};

const FIN = 0x80;

/** A message in several frames (RFC 6455 section 5.4). They leave in one write, so that no control frame is torn. */
class FragmentedMessage extends PreparedMessage {
  constructor({ cursor, text }: PreparedMessage, parts: number) {
    super(cursor, undefined, text);
    const payload = Buffer.from(text);
    const frames: Buffer[] = [];
    for (let part = 0; part < parts; part++) {
      const [from, to] = [part, part + 1].map((at) => Math.floor((payload.length * at) / parts));
      const frame = encodeServerFrame(
        part === 0 ? OPCODE.text : OPCODE.continuation,
        payload.subarray(from, to),
      );
      if (part < parts - 1) frame.writeUInt8(frame.readUInt8(0) & ~FIN, 0);
      frames.push(frame);
    }
    this.frame = Buffer.concat(frames);
  }
}
