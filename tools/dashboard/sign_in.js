// Signing in by pasting a token, where the server asks for one. What the token says of itself is read
// from it as it is pasted; whether it is good, the server says.

import { byId, write } from './dom.js';
import { Problem, call, claims, claimsOf, hasToken, useToken } from './api.js';
import { duration, fullTime } from './format.js';
import { jobCount } from './live_jobs.js';

let onSignedIn = () => {};

export const isAskedFor = () => !byId('sign-in').hidden;

/// `signedIn()` is called when a token was taken.
export function startSignIn(signedIn) {
  onSignedIn = signedIn;
  byId('token').oninput = showClaims;
  byId('sign-in').onsubmit = (event) => {
    event.preventDefault();
    tryToken();
  };
  byId('sign-out').onclick = () => {
    useToken(null);
    location.reload();  // so that nothing that was shown is left in the page
  };
  showUser();
}

/// The server said 401: `problem` is why.
export function askForToken(problem) {
  if (isAskedFor()) return;
  const { expiresAt } = claims() ?? {};
  const hasExpired = hasToken() && expiresAt && expiresAt < new Date();
  if (hasExpired) ask(`Your token expired at ${fullTime(expiresAt)}. Paste a new one to go on.`);
  else if (hasToken()) ask(`The server does not take your token any more: ${problem.sentence}`);
  else ask('');
}

function ask(why) {
  byId('sign-in').hidden = false;
  document.body.classList.add('signing-in');
  document.body.classList.toggle('has-jobs', jobCount() > 0);
  say(why);
  byId('token').value = '';
  showClaims();
  byId('token').focus();
}

function say(why) {
  byId('sign-in-why').hidden = why === '';
  write(byId('sign-in-why'), why);
  byId('token').setAttribute('aria-invalid', 'false');
}

const pasted = () => byId('token').value.trim().replace(/^Bearer\s+/i, '');

function showClaims() {
  const read = pasted() === '' ? null : claimsOf(pasted());
  byId('token-claims').hidden = read === null;
  if (!read) return;
  write(byId('token-user'), read.sub ?? 'nobody: it has no sub');
  write(byId('token-scopes'), read.scopes.join(', ') || 'none: your own jobs');
  write(byId('token-expiry'), expiryOf(read.expiresAt));
}

function expiryOf(expiresAt) {
  if (!expiresAt) return 'never';
  const seconds = (expiresAt - Date.now()) / 1_000;
  return seconds < 0 ? `${fullTime(expiresAt)}, which is over` : `${fullTime(expiresAt)}, in ${duration(seconds)}`;
}

async function tryToken() {
  const text = pasted();
  if (text === '') return refuse('Paste a token first.');
  // A header can't hold anything else, and no token has it.
  if (!/^[\x21-\x7e]+$/.test(text)) return refuse('This is no token: it has spaces or letters that no token has.');
  byId('sign-in-button').disabled = true;
  try {
    await call('GET', 'v1/jobs?limit=1', null, { withToken: text });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return refuse(`This token was refused: ${problem.sentence}`);
  } finally {
    byId('sign-in-button').disabled = false;
  }
  const before = claims()?.sub;
  useToken(text);
  // What the one before saw is not for everybody's eyes.
  if (jobCount() > 0 && claims()?.sub !== before) return location.reload();
  byId('token').value = '';
  byId('sign-in').hidden = true;
  document.body.classList.remove('signing-in');
  showUser();
  onSignedIn();
}

function refuse(why) {
  say(why);
  byId('token').setAttribute('aria-invalid', 'true');
  byId('token').focus();
}

function showUser() {
  const read = claims();
  byId('user').hidden = !hasToken();
  write(byId('user-name'), read?.sub ?? '');
  byId('user-name').title = read
    ? `Scopes: ${read.scopes.join(', ') || 'none'}. Expires: ${expiryOf(read.expiresAt)}.` : '';
}
