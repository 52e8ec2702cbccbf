import { call } from './http-call.js';

/** The samples of `GET /metrics`: `name{label="value"}` to number. */
export type Samples = ReadonlyMap<string, number>;

/** Reads the text format of Prometheus. Labels of a sample keep their order. */
export function readSamples(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1).replace('Inf', 'Infinity'))];
    }),
  );
}

/** Asks a server for its metrics. */
export async function metricsOf(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { status, text, headers: answered } = await call('GET', url, { headers });
  const samples = readSamples(text);
  return {
    status,
    text,
    contentType: answered['content-type'],
    samples,
    /** A sample by its name without the prefix. */
    of: (name: string) => samples.get(`datafn_ws_${name}`),
  };
}
