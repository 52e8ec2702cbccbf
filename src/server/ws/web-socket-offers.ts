import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * A class of requests whose offers of protocols other than WebSocket are not seen, so that they are answered as if they
 * had made none (RFC 9110 section 7.8): many HTTP clients offer h2c with whatever they ask. Node looks at `upgrade` to
 * decide between the `upgrade` and the `request` event.
 *
 * An upgrade also ends the parsing of a connection. Nothing else does in the middle of a chunk, which can hold thousands
 * of requests, so the request of a connection that was terminated for one too many passes as an upgrade.
 *
 * @param isTooMany called for each request; terminates the connection when it is one too many.
 */
export function requestClass(isTooMany: (socket: Socket) => boolean): typeof IncomingMessage {
  return class WebSocketOffers extends IncomingMessage {
    readonly isTooMany: boolean;
    // Assigned by the constructor of the base class already, so it may not be initialized here.
    declare offersUpgrade: boolean | null;

    constructor(socket: Socket) {
      super(socket);
      this.isTooMany = isTooMany(socket);
    }

    set upgrade(offersUpgrade: boolean | null) {
      this.offersUpgrade = offersUpgrade;
    }

    get upgrade(): boolean {
      if (this.isTooMany) return true;
      if (!this.offersUpgrade) return false;
      return this.method === 'CONNECT' || /\bwebsocket\b/i.test(this.headers.upgrade ?? '');
    }
  };
}
