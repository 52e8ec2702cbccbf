/** What a server does where its options are silent. The one place where these values are written. */
export const SERVER_DEFAULTS = Object.freeze({
  host: '127.0.0.1',
  port: 3001,
  /** Where DataFn clients connect: `<remote>/ws`, with the remote at `/datafn`. */
  path: '/datafn/ws',
  /** Over how long the closes of a shutdown are spread; 0 is all at once. */
  drainMs: 0,
  shutdownTimeoutMs: 10_000,
  /** The namespace of a JWT. */
  jwtNamespace: 'user:{sub}',
  /** How long a namespace provider may take to say who a client is. */
  authTimeoutMs: 5_000,
  /** Clients whose namespace is being found out at the same time; each holds a descriptor, and no slot. */
  maxPendingAuth: 1_000,
  /** How long a peer has to answer a close frame before its connection is cut. */
  closeTimeoutMs: 2_000,
  /** From a connection to the end of its TLS handshake, and from there to the end of a request's head. */
  handshakeTimeoutMs: 10_000,
  /** Connections at a time that are not those of clients; the one that has waited longest is terminated for a new one. */
  maxPendingConnections: 5000,
  /** From the first byte of an API request to its last. */
  requestTimeoutMs: 30_000,
  /** Handshakes that wait for their turn in this process. */
  handshakeBacklog: 4096,
  /** How clients are refused that show no valid token or find no slot: by a close code, or by an HTTP status. */
  refuseWith: 'close' as 'close' | 'http',
  /** Largest inbound message; a larger one closes its connection with 1009. */
  maxMessageBytes: 64 * 1024,
  /** Messages of a client in a second, pings included; 0 is no limit. */
  messagesPerSecond: 50,
  /** Messages that a client may send at once. */
  messageBurst: 100,
  /** Time a client has to say hello; 0 is no limit. */
  helloTimeoutMs: 0,
  /** Bytes that may wait for one client before cursors are conflated. */
  clientBufferBytes: 64 * 1024,
  /** How long a client may stay backed up; 0 leaves it to the heartbeat. */
  slowClientTimeoutMs: 0,
  /** Event-loop delay above which new clients get 503; 0 is off. */
  shedAboveMs: 0,
  /** Namespaces whose newest cursor is remembered, where it is. */
  rememberNamespaces: 100_000,
  /** Largest body of an API request. */
  maxBodyBytes: 4 * 1024 * 1024,
  /** Most cursors in one API request. */
  maxBatchItems: 10_000,
  /** Connections that wait in the kernel to be accepted. Node's own 511 drops handshakes in a storm. */
  backlog: 4096,
});
