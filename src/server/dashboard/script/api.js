// Calls of the HTTP API of the server that the page came from.

/** The admin token, in memory only. */
let adminToken = '';

export function setToken(token) {
  adminToken = token;
}

/** An answer that is not a success, or none at all (status 0). */
export class ApiError extends Error {
  /** @param fix what to do about it, for somebody who calls the API by hand. */
  constructor(status, detail, fix) {
    super(fix === undefined ? detail : `${detail}. ${fix}`);
    this.status = status;
    this.detail = detail;
  }
}

/** The URL of a route, beside the page: a proxy may serve both below a path of its own. */
function urlOf(path) {
  return new URL(path.slice(1), location.href);
}

export async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (adminToken !== '') headers.authorization = `Bearer ${adminToken}`;
  let response;
  try {
    response = await fetch(urlOf(path), {
      ...options,
      headers,
      cache: 'no-store',
      credentials: 'same-origin',
      referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server cannot be reached');
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const detail = problem.detail ?? `The server answered ${response.status}`;
  throw new ApiError(response.status, detail, problem.fix);
}

/** Calls a route; the answer is JSON, or there is none. */
export async function call(method, path, body) {
  const response = await request(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}
