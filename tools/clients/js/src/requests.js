// Plain requests: a job created, looked at, cancelled.

import { ProgressdError } from './problem.js';
import { authorization, settingsOf } from './settings.js';

/** The answer's JSON, null where there is none. Throws a ProgressdError, or the signal's reason. */
export async function request(method, path, body, options = {}) {
  const settings = settingsOf(options);
  const headers = { ...options.headers, ...await authorization(settings) };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(settings.baseUrl + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: settings.credentials,
    cache: 'no-store',
    signal: options.signal,
  }).catch((error) => {
    throw options.signal?.aborted ? error : new ProgressdError('the server does not answer');
  });
  if (!response.ok) throw await ProgressdError.of(response);
  const text = await response.text();
  return text === '' ? null : JSON.parse(text);
}

export const jobPath = (id) => `/v1/jobs/${encodeURIComponent(id)}`;

/** The new job. With `idempotencyKey`, the same call again makes no second one. */
export function createJob(fields = {}, options = {}) {
  const { idempotencyKey } = options;
  const headers = idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : undefined;
  return request('POST', '/v1/jobs', fields, { ...options, headers });
}

export const getJob = (id, options) => request('GET', jobPath(id), undefined, options);

export const cancelJob = (id, options) => request('POST', `${jobPath(id)}/cancel`, undefined, options);
