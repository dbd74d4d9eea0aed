// What speaks up: the question before something is lost, the notes on what went wrong, and a
// button that copies.

import { byId, make, sleep, write } from './dom.js';
import { Problem } from './api.js';

const TOAST_MS = 10_000;
const TOASTS_MAX = 3;
const COPIED_MS = 2_000;

/// Asks whether that job is to be deleted; true when it is.
export async function confirmDelete(job) {
  const dialog = byId('confirm');
  write(byId('confirm-kind'), job.kind ?? '');
  write(byId('confirm-id'), job.id);
  byId('confirm-live').hidden = job.finishedAt != null;
  dialog.returnValue = 'keep';
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
  return dialog.returnValue === 'delete';
}

function toast(text, { isAway = false } = {}) {
  const box = make('div', { className: 'toast' });
  box.classList.toggle('away', isAway);
  const close = make('button', { className: 'quiet', text: '×', type: 'button', 'aria-label': 'Close this message' });
  close.onclick = () => box.remove();
  box.append(make('p', { text }), close);
  while (byId('toasts').childElementCount >= TOASTS_MAX) byId('toasts').firstChild.remove();
  byId('toasts').append(box);
  setTimeout(() => box.remove(), TOAST_MS);
}

/// Closes what says that the server is away: it is back.
export function closeAwayToasts() {
  for (const box of byId('toasts').querySelectorAll('.away')) box.remove();
}

/// What goes wrong for the user is shown to the user; a 401 is answered by the sign-in instead.
export async function showing(work) {
  try {
    await work;
  } catch (error) {
    if (error.name === 'TimeoutError') return toast('The server did not answer in time.', { isAway: true });
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 401) toast(error.sentence, { isAway: error.status === 0 });
  }
}

export function copyOnClick(button, source) {
  button.onclick = async () => {
    // Without a secure context there is no clipboard to write to: select the text instead.
    getSelection().selectAllChildren(source);
    const copied = await navigator.clipboard?.writeText(source.textContent).then(() => true, () => false);
    write(button, copied ? 'Copied' : 'Selected');
    await sleep(COPIED_MS);
    write(button, 'Copy');
  };
}
