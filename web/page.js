// Building the page: elements, sections, switches. Text goes in as text, never as markup.

/** A new element under `parent` with attributes and text. */
export function element(parent, tag, attributes = {}, text = undefined) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

/** A section with its heading and one sentence on how to read it; gives {section, head}. */
export function section(parent, id, title, explanation) {
  const made = element(parent, 'section', {id, 'aria-labelledby': `${id}-title`});
  const head = element(made, 'div', {class: 'section-head'});
  const words = element(head, 'div');
  element(words, 'h2', {id: `${id}-title`}, title);
  if (explanation) element(words, 'p', {class: 'muted'}, explanation);
  return {section: made, head};
}

/** A row of buttons of which one is chosen; calls `choose(value)` when that changes. `options` is [[value, label], …]. */
export function choice(parent, label, options, choose) {
  const group = element(parent, 'div', {class: 'choice', role: 'group', 'aria-label': label});
  const buttons = options.map(([value, text], i) => {
    const button = element(group, 'button', {type: 'button', 'aria-pressed': String(i === 0)}, text);
    button.addEventListener('click', () => {
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
      choose(value);
    });
    return button;
  });
  return group;
}

/** What the marks of a chart mean: [[kind, text], …], the kinds being classes of the style sheet. */
export function legend(parent, entries) {
  const list = element(parent, 'ul', {class: 'legend'});
  for (const [kind, text] of entries) {
    const item = element(list, 'li');
    element(item, 'span', {class: `swatch ${kind}`, 'aria-hidden': 'true'});
    item.append(text);
  }
  return list;
}

/** A tooltip's content: a bold first line and rows of a name and a value; an element, so that nothing in it is markup. */
export function tip(title, rows) {
  const box = element(null, 'div', {class: 'tip'});
  element(box, 'strong', {}, title);
  const table = element(box, 'dl');
  for (const [name, value] of rows) {
    element(table, 'dt', {}, name);
    element(table, 'dd', {}, value);
  }
  return box;
}
