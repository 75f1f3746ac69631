// Every experiment in a table that can be sorted by any column.
import {correction, failed, measured, outOfBounds, outcomes, predicted} from './campaign.js';
import {correctionText, doubtText, guessText} from './experiment.js';
import {comparison, count, decimals, duration, unit} from './format.js';
import {element, section} from './page.js';

export function table(main, campaign) {
  const {section: box} = section(main, 'experiments', 'Experiments', campaign.experiments.length ? `A click on a heading sorts by it.${campaign.experiments.some(correction) ? ' ✎ marks what a person corrected; the note says why.' : ''}${campaign.experiments.some(e => e.doubted) ? ' ⚠ marks values that are kept and not believed.' : ''}` : undefined);
  if (!campaign.experiments.length) {
    element(box, 'p', {class: 'empty'}, 'No experiment was proposed yet.');
    return;
  }
  const frame = element(box, 'div', {class: 'table-frame', tabindex: '0', role: 'region', 'aria-labelledby': 'experiments-title'});
  const made = element(frame, 'table');
  element(made, 'caption', {class: 'hidden'}, `${count(campaign.experiments.length, 'experiment')} with conditions, outcomes and predictions`);
  const headings = element(element(made, 'thead'), 'tr');
  const body = element(made, 'tbody');
  const best = new Set(campaign.best.map(b => b.name));
  const all = columns(campaign, best);
  const rows = campaign.experiments.map(experiment => ({experiment, row: rowOf(experiment, all, best)}));
  body.append(...rows.map(r => r.row));

  for (const column of all) {
    const heading = element(headings, 'th', {scope: 'col', class: column.kind === 'number' ? 'numeric' : ''});
    if (column === all[0]) heading.setAttribute('aria-sort', 'ascending');
    const button = element(heading, 'button', {type: 'button'}, column.title);
    if (column.unit) element(button, 'small', {}, unit(column.unit));
    button.addEventListener('click', () => {
      const down = heading.getAttribute('aria-sort') === 'ascending';
      for (const other of headings.children) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      rows.sort((a, b) => compare(column.value(a.experiment), column.value(b.experiment), down));
      body.append(...rows.map(r => r.row));
    });
  }
}

// What is missing comes last, whichever way is up.
function compare(a, b, down) {
  const none = v => v === null || v === undefined || v === '';
  if (none(a) || none(b)) return Number(none(a)) - Number(none(b));
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', {numeric: true});
  return down ? -order : order;
}

function note(campaign, experiment) {
  const violated = experiment.violates ? `violates ${experiment.violates.map(comparison).join(', ')}` : '';
  const told = experiment.state === 'added' ? experiment.corrections.map(c => `${c.who}: ${c.why}`).at(-1) : correctionText(campaign, experiment);
  return [told, doubtText(experiment), violated, experiment.why || experiment.reason].filter(Boolean).join('; ');
}

// A column of numbers with the same number of decimals throughout.
function numbers(campaign, title, unitText, value, more = {}) {
  const write = decimals(campaign.experiments.map(value));
  return {kind: 'number', title, unit: unitText, value, text: e => write(value(e)), ...more};
}

/** Each column: its heading, what it sorts by (`value`), what it shows (`text`), and its kind: number, text, state or note. */
function columns(campaign, best) {
  const list = [
    {kind: 'number', title: 'No.', value: e => e.number, text: e => e.name},
    {kind: 'state', title: 'state', value: e => shownState(e, best), text: e => shownState(e, best) + (correction(e) ? ' ✎' : '') + (e.doubted ? ' ⚠' : '')},
  ];
  for (const objective of outcomes(campaign)) {
    list.push(numbers(campaign, objective.name, objective.unit, e => measured(e, objective),
                      {strong: Boolean(objective.goal), bad: e => outOfBounds(campaign, e, objective)}));
    list.push({kind: 'number', title: 'predicted', unit: objective.unit, value: e => predicted(e, objective)?.mean ?? null,
               text: e => predicted(e, objective) ? guessText(predicted(e, objective), '') : ''});
  }
  for (const parameter of campaign.parameters) {
    const value = e => e.at[parameter.name] ?? null;
    list.push(parameter.kind === 'choices' ? {kind: 'text', title: parameter.name, value, text: e => value(e) ?? ''}
                                           : numbers(campaign, parameter.name, parameter.unit, value));
  }
  list.push({kind: 'number', title: 'finished after', value: e => e.ended_s ?? null, text: e => e.ended_s === undefined ? '' : duration(e.ended_s)});
  list.push({kind: 'note', title: 'note', value: e => note(campaign, e), text: e => note(campaign, e)});
  return list;
}

function shownState(experiment, best) {
  if (best.has(experiment.name)) return 'best';
  if (experiment.violates) return 'violates';
  if (failed(experiment)) return 'failed';
  return correction(experiment)?.withdrawn ? 'withdrawn' : experiment.state;
}

function rowOf(experiment, all, best) {
  const row = element(null, 'tr', best.has(experiment.name) ? {class: 'best'} : {});
  for (const column of all) {
    const looks = {number: 'numeric', text: '', note: 'wide', state: `state ${shownState(experiment, best)}`}[column.kind];
    const bad = column.bad && column.bad(experiment);
    element(row, 'td', {class: `${looks} ${column.strong ? 'strong' : ''} ${bad ? 'bad' : ''}`.trim()}, column.text(experiment));
  }
  return row;
}
