// The dashboard: its pages by what stands behind the `#`, and how its parts are put together.
//
//   #/   the jobs      #/jobs/ID   one job      #/streams   who listens      #/figures   charts

import { announceStates } from './announcer.js';
import { hasToken, listenForUnauthorized } from './api.js';
import { showConnection, startConnection } from './connection.js';
import { closeAwayToasts, copyOnClick, showing } from './dialog.js';
import { byId, write } from './dom.js';
import { startFigures, stopFigures } from './figures.js';
import { startFiguresPage } from './figures_page.js';
import { act, startDemo } from './job_actions.js';
import { focusList, startJobList } from './job_list.js';
import { closeJobPage, openJobPage, startJobPage } from './job_page.js';
import { listenToConnection, openJobs } from './live_jobs.js';
import { askForToken, isAskedFor, startSignIn } from './sign_in.js';
import { closeStreamsPage, openStreamsPage, startStreamsPage } from './streams_page.js';

const TITLES = { streams: 'Streams', figures: 'Figures', job: 'Job' };

let page = null;

function route() {
  const [, first = '', second = ''] = location.hash.split('/');
  if (first === 'jobs' && second !== '') return { name: 'job', id: decoded(second) };
  return { name: first in TITLES && first !== 'job' ? first : 'jobs' };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // no address that this page made; the server will know no such job
  }
}

function writeCurl() {
  const token = hasToken() ? '-H "Authorization: Bearer $TOKEN" ' : '';
  write(byId('curl'), `curl ${token}${new URL('v1/jobs', document.baseURI)} \\
  -H 'Content-Type: application/json' -d '{"runner": "timer", "kind": "media"}'`);
}

function leavePage() {
  if (page === 'job') closeJobPage();
  if (page === 'streams') closeStreamsPage();
}

function showPage() {
  const before = page;
  const { name, id } = route();
  leavePage();
  page = name;
  writeCurl();
  for (const section of document.querySelectorAll('.page')) section.hidden = section.id !== `page-${name}`;
  for (const link of document.querySelectorAll('[data-page]')) {
    const isHere = link.dataset.page === name || (name === 'job' && link.dataset.page === 'jobs');
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = name === 'jobs' ? 'progressd' : `${id ?? TITLES[name]} · progressd`;
  if (isAskedFor()) return;
  if (name === 'job') openJobPage(id);
  if (name === 'streams') openStreamsPage();
  if (before === null) return;  // the browser says what page it is
  if (name === 'jobs') focusList();
  else byId(`${name}-title`).focus();
}

function onConnection(state) {
  showConnection(state);
  if (state.name !== 'live') return stopFigures();
  closeAwayToasts();
  startFigures();
}

function onSignedIn() {
  openJobs();
  const wanted = page;
  page = null;
  closeJobPage();
  showPage();
  byId(wanted === 'jobs' ? 'jobs-title' : `${wanted}-title`).focus();
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || byId('confirm').open) return;
  const isTyping = event.target.matches('input, textarea');
  if (event.key === '/' && !isTyping && !isAskedFor()) {
    event.preventDefault();
    focusSearch();
  }
  if (event.key === 'Escape' && page !== 'jobs') location.hash = '#/';
}

// At once where it can be: what is typed next belongs into the field.
function focusSearch() {
  if (page === 'jobs') return byId('search').focus();
  addEventListener('hashchange', () => byId('search').focus(), { once: true });  // after showPage, which moves the focus
  location.hash = '#/';
}

document.querySelector('.skip').onclick = (event) => {
  event.preventDefault();  // what stands behind the `#` is the page's name
  byId('main').focus();
};
announceStates();
startConnection();
startJobList((job) => showing(act(job)));
startJobPage(() => (location.hash = '#/'));
startStreamsPage();
startFiguresPage();
startSignIn(onSignedIn);
for (const button of document.querySelectorAll('[data-start]')) {
  button.onclick = () => showing(startDemo(button.dataset.start));
}
copyOnClick(byId('copy'), byId('curl'));
listenForUnauthorized((problem) => {
  stopFigures();
  closeStreamsPage();
  askForToken(problem);
});
listenToConnection(onConnection);
addEventListener('hashchange', showPage);
addEventListener('keydown', onKey);
showPage();
openJobs();
