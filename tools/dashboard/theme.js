// Light, dark, or as the system has it: kept in localStorage, and in force before the first paint,
// which is why this is no module. The button takes turns: system → light → dark.
'use strict';
{
  const KEY = 'progressd-theme';
  const TURNS = ['system', 'light', 'dark'];

  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;  // a browser that keeps nothing for this page
    }
  };
  let theme = TURNS.includes(kept()) ? kept() : 'system';

  const show = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (!button) return;
    button.setAttribute('aria-label', `Colours: ${theme}. Change to ${following()}`);
    button.title = `Colours: ${theme}`;
  };
  const following = () => TURNS[(TURNS.indexOf(theme) + 1) % TURNS.length];

  show();
  document.addEventListener('DOMContentLoaded', () => {
    show();
    document.getElementById('theme').addEventListener('click', () => {
      theme = following();
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // It holds for this visit.
      }
      show();
    });
  });
}
