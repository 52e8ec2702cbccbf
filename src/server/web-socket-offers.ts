import { IncomingMessage } from 'node:http';

/**
 * A request whose offers of protocols other than WebSocket are not seen, so that it is answered as if it had made none
 * (RFC 9110 section 7.8): many HTTP clients offer h2c with whatever they ask. Node looks at `upgrade` to decide between
 * the `upgrade` and the `request` event.
 */
export class WebSocketOffers extends IncomingMessage {
  // Assigned by the constructor of the base class already, so it may not be initialized here.
  declare private offersUpgrade: boolean | null;

  set upgrade(offersUpgrade: boolean | null) {
    this.offersUpgrade = offersUpgrade;
  }

  get upgrade(): boolean {
    if (!this.offersUpgrade) return false;
    return this.method === 'CONNECT' || /\bwebsocket\b/i.test(this.headers.upgrade ?? '');
  }
}
