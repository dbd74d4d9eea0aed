// The few things that every part of the page does with its elements.

export const byId = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

/// Values get to the page as text, never as markup.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/// The elements below `root` that carry data-part, by that name.
export function partsOf(root) {
  const parts = {};
  for (const part of root.querySelectorAll('[data-part]')) parts[part.dataset.part] = part;
  return parts;
}

export const copyOf = (templateId) => byId(templateId).content.firstElementChild.cloneNode(true);

export function make(tag, { className = '', text = '', ...attributes } = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/// A function that has `draw` called once before the next frame, however often it is called itself.
export function oncePerFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}
