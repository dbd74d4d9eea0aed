// What all demos look like: a title, a bar, the state in a word, and buttons. A change of state is also
// said in the page's live region; the percentage is not, it changes too often to be read out.

import { createContext, useContext, useEffect, useId, useRef, useState } from 'react';

const Announcing = createContext(() => {});
export const Announce = Announcing.Provider;

/** `percent`: null where nobody knows it. `state`: null before the first start. `tone`: of its colour. */
export function Card({ title, about, state = null, tone = state, percent = null, note = '', children }) {
  const titleId = useId();
  const announce = useContext(Announcing);
  const announced = useRef(state);
  useEffect(() => {
    if (announced.current === state) return;
    announced.current = state;
    if (state) announce(`${title}: ${state}`);
  }, [announce, title, state]);
  return (
    <section className="card" data-state={tone ?? 'idle'} aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      <p className="about">{about}</p>
      <Bar labelledBy={titleId} percent={percent} isBusy={tone === 'active' || tone === 'pending'} />
      <p className="standing">
        <span className="state">{state ?? 'not started'}</span>
        <span className="percent">{percent === null ? '' : `${percent} %`}</span>
      </p>
      <p className="note">{note}</p>
      <div className="buttons">{children}</div>
    </section>
  );
}

function Bar({ labelledBy, percent, isBusy }) {
  const known = percent !== null;
  // Without a value the bar is an indeterminate one, to screen readers too.
  const value = known ? { 'aria-valuenow': percent, 'aria-valuetext': `${percent} percent` } : {};
  return (
    <div className="bar" role="progressbar" aria-labelledby={labelledBy} aria-valuemin={0} aria-valuemax={100}
      {...value} data-busy={!known && isBusy}>
      <div className="fill" style={known ? { width: `${percent}%` } : undefined} />
    </div>
  );
}

/** One that is off stays focusable: who started a job by the keyboard is not thrown back to the page's top. */
export function Button({ isOff = false, onClick, ...more }) {
  return <button type="button" aria-disabled={isOff} onClick={isOff ? undefined : onClick} {...more} />;
}

/** What a button does, and may fail at: then the card says why. */
export function useAction(act) {
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setProblem('');
    setBusy(true);
    await act().catch(({ message }) => setProblem(message));
    setBusy(false);
  };
  return { run, problem, isBusy };
}
