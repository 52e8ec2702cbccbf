// A healthy client that pings on a schedule that waits for no answer, and tells at the end how long answers took.
import { parentPort, workerData } from 'node:worker_threads';
import WebSocket from 'ws';

const EVERY_MS = 20;
const times = [];
let sent = 0;
let problem;

const client = new WebSocket(workerData.url, { rejectUnauthorized: false });
client.on('error', (error) => {
  problem = String(error);
});
client.on('close', (code) => {
  problem ??= `it was closed with ${code}`;
});
client.on('pong', (payload) => times.push(performance.now() - Number(payload)));
client.once('open', () => {
  parentPort.postMessage('open');
  const timer = setInterval(() => {
    sent += 1;
    client.ping(String(performance.now()));
  }, EVERY_MS);
  parentPort.once('message', () => {
    clearInterval(timer);
    // The answer to this one comes behind all others.
    client.once('pong', report);
    client.ping(String(performance.now()));
  });
});

function report() {
  if (times.length < sent) problem ??= `${sent} pings, ${times.length} pongs`;
  times.sort((a, b) => a - b);
  parentPort.postMessage({ p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN, problem });
}
