// The key figures at the top, and the conditions of the best experiments.
import {correction, isInitial, measured, merit, outcomes, utilisation} from './campaign.js';
import {comparison, date, decimals, duration, number, quantity, unit} from './format.js';
import {element, section} from './page.js';

export function masthead(campaign) {
  document.getElementById('name').textContent = campaign.campaign;
  const status = document.getElementById('status');
  status.textContent = campaign.status;
  status.classList.add(campaign.status);
  const goals = campaign.objectives.map(o => o.goal === 'target' ? `bring ${o.name} to ${quantity(o.target, o.unit)}` : `${o.goal} ${o.name}`);
  const where = campaign.outcome_constraints.map(c => comparison(c.text)).join(', ');
  const parts = [goals.join(', ') + (where ? ` where ${where}` : '')];
  if (campaign.opened) parts.push(`${date(campaign.opened)} to ${date(campaign.last)}`);
  parts.push(`seed ${campaign.seed}`);
  if (campaign.why) parts.push(campaign.why);
  document.getElementById('subtitle').textContent = parts.filter(Boolean).join(' · ');
}

export function figures(main, campaign) {
  const grid = element(main, 'dl', {class: 'figures', 'aria-label': 'Key figures'});
  const figure = (name, value, note, strong = false) => {
    const box = element(grid, 'div', {class: strong ? 'strong' : ''});
    element(box, 'dt', {}, name);
    element(box, 'dd', {class: 'value'}, value);
    if (note) element(box, 'dd', {class: 'muted'}, note);
  };
  bestFigure(campaign, figure);
  const {counts} = campaign;
  const others = [['outside the outcome constraints', campaign.experiments.filter(e => e.violates).length], ['failed', counts.failed], ['abandoned', counts.abandoned], ['with values that are not believed', campaign.experiments.filter(e => e.doubted).length], ['corrected by a person', campaign.experiments.filter(correction).length], ['added', counts.added], ['under way', counts.running + counts.approved + counts.proposed]];
  figure('Experiments', campaign.stop.experiments ? `${counts.measured + counts.failed} of ${campaign.stop.experiments}` : String(counts.measured + counts.failed),
         [`${counts.measured} measured`, ...others.filter(([, n]) => n).map(([name, n]) => `${n} ${name}`)].join(', '));
  figure('Laboratory time', duration(campaign.lab_time_s),
         campaign.stop.lab_time_s ? `of ${duration(campaign.stop.lab_time_s)} allowed` : pace(campaign));
  if (campaign.planning_wait_s !== undefined && campaign.lab_time_s > 0) {
    figure('Waited for the planner', `${number(100 * campaign.planning_wait_s / campaign.lab_time_s, 2)}\u202f%`,
           'of the laboratory time, while an experiment could have begun');
  }
  const busiest = [...utilisation(campaign)].sort((a, b) => b[1] - a[1])[0];
  if (busiest && busiest[1] > 0) figure('Busiest instrument', busiest[0], `busy ${Math.round(100 * busiest[1])}\u202f% of the time`);
}

function pace(campaign) {
  const done = campaign.counts.measured + campaign.counts.failed;
  return done ? `${duration(campaign.lab_time_s / done)} an experiment` : '';
}

function bestFigure(campaign, figure) {
  const objective = campaign.objectives[0];
  if (campaign.nearest) {
    figure('Best', '–', `none yet holds every outcome constraint; the nearest is ${campaign.nearest.title}`, true);
  } else if (!campaign.best.length) {
    figure('Best', '–', 'nothing measured yet', true);
  } else if (campaign.objectives.length > 1) {
    figure('Unbeaten experiments', String(campaign.best.length), campaign.outcome_constraints.length ? 'no other that holds every outcome constraint is better in every objective' : 'no other is better in every objective', true);
  } else {
    const best = campaign.best[0].measured[objective.name];
    figure(`Best ${objective.name}`, quantity(best, objective.unit), `${campaign.best[0].title}${beside(campaign, objective, best)}`, true);
  }
}

// What the initial design alone had found.
function beside(campaign, objective, best) {
  const values = campaign.experiments.filter(e => isInitial(e) && !e.violates && measured(e, objective) !== null).map(e => measured(e, objective));
  if (!values.length) return '';
  const start = values.reduce((a, b) => merit(objective, a) >= merit(objective, b) ? a : b);
  return start === best ? ', in the initial design' : `; the initial design reached ${quantity(start, objective.unit)}`;
}

export function bestConditions(main, campaign) {
  const best = campaign.best[0] || campaign.nearest;
  if (!best) return;
  const several = campaign.best.length > 1;
  const {section: box} = section(main, 'best', ...bestHeading(campaign, several));
  if (several) return front(box, campaign);
  const list = element(box, 'dl', {class: 'conditions'});
  for (const parameter of campaign.parameters) {
    const cell = element(list, 'div');
    element(cell, 'dt', {}, parameter.name);
    element(cell, 'dd', {}, quantity(best.at[parameter.name], parameter.unit));
    range(cell, parameter, best.at[parameter.name]);
  }
}

// The section's title and one sentence on it.
function bestHeading(campaign, several) {
  if (several) return ['Unbeaten experiments', 'In each of these some objective cannot be improved without losing in another.'];
  const {title, measured: found, violates: texts} = campaign.best[0] || campaign.nearest;
  const values = outcomes(campaign).map(o => `${o.name} ${quantity(found[o.name], o.unit)}`).join(', ');
  if (!texts) return ['Best conditions', campaign.measured_too.length ? `Measured there: ${values}.` : undefined];
  return ['Nearest to the outcome constraints', `No experiment has held every outcome constraint yet. Nearest comes ${title}: ${values}; it violates ${texts.map(comparison).join(', ')}.`];
}

// Where in its range a value lies, as a line with a dot and the two ends.
function range(cell, parameter, value) {
  const low = parameter.levels ? parameter.levels[0] : parameter.low;
  const high = parameter.levels ? parameter.levels[parameter.levels.length - 1] : parameter.high;
  if (parameter.kind === 'choices') {
    element(cell, 'dd', {class: 'muted'}, `one of ${parameter.choices.length}`);
  } else if (high > low) {
    const log = parameter.scale === 'log';
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    const line = element(cell, 'dd', {class: 'range', 'aria-label': `between ${number(low)} and ${number(high)}`});
    element(line, 'span', {}, number(low, 3));
    element(element(line, 'span', {class: 'track'}), 'i', {style: `left:${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`});
    element(line, 'span', {}, number(high, 3));
  }
}

function front(box, campaign) {
  const list = element(element(box, 'div', {class: 'table-frame', tabindex: '0', role: 'region', 'aria-labelledby': 'best-title'}), 'table');
  const heading = element(element(list, 'thead'), 'tr');
  const columns = [
    ...outcomes(campaign).map(o => ({thing: o, strong: Boolean(o.goal), value: b => b.measured[o.name]})),
    ...campaign.parameters.map(p => ({thing: p, name: p.kind === 'choices', value: b => b.at[p.name]})),
  ];
  element(heading, 'th', {scope: 'col', class: 'numeric'}, 'No.');
  for (const column of columns) {
    const cell = element(heading, 'th', {scope: 'col', class: column.name ? '' : 'numeric'}, column.thing.name);
    if (column.thing.unit) element(cell, 'small', {}, unit(column.thing.unit));
    column.write = column.name ? text => text : decimals(campaign.best.map(column.value));
  }
  const body = element(list, 'tbody');
  const first = columns[0];
  for (const best of [...campaign.best].sort((a, b) => first.value(a) - first.value(b))) {
    const row = element(body, 'tr');
    element(row, 'td', {class: 'numeric'}, best.name);
    for (const column of columns) {
      element(row, 'td', {class: `${column.name ? '' : 'numeric'} ${column.strong ? 'strong' : ''}`}, column.write(column.value(best)));
    }
  }
}
