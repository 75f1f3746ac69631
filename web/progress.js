// Best so far: over experiments and over laboratory time; and for several objectives, how they trade off.
import {bestSoFar, failed as hasFailed, isInitial, marked, measured, outcomes, padded} from './campaign.js';
import {axis, chart, CROSS, lines, mark} from './chart.js';
import {experimentTip} from './experiment.js';
import {number, timeUnit, titled} from './format.js';
import {choice, element, legend, section} from './page.js';

export function progress(main, campaign) {
  const {section: box, head} = section(main, 'progress', 'Progress', `Each mark is one experiment; the line is the best outcome known so far${campaign.outcome_constraints.length ? ', of those that hold every outcome constraint' : ''}.`);
  const span = timeUnit(campaign.lab_time_s);
  const views = {
    experiments: {x: e => e.number, title: 'experiment', whole: true},
    time: {x: e => e.ended_s / span.seconds, title: `laboratory time (${span.name})`, whole: false},
  };
  let view = views.experiments;
  const charts = [];
  choice(head, 'Horizontal axis', [['experiments', 'by experiment'], ['time', 'by laboratory time']], value => {
    view = views[value];
    charts.forEach(c => c.redraw());
  });
  legend(box, [['initial', 'initial design'], ['model', 'chosen by the model'], ['best', 'best'], ['line', 'best so far'],
               ...(campaign.outcome_constraints.length ? [['violates', 'violates an outcome constraint']] : []),
               ...(campaign.counts.added ? [['added', 'added by a person']] : []), ['failed', 'failed']]);
  const all = outcomes(campaign);
  const grid = element(box, 'div', {class: all.length > 1 ? 'pair' : ''});
  for (const objective of all) {
    charts.push(chart(grid, {
      height: 340,
      marks: campaign.experiments.length,
      label: summary(campaign, objective),
      option: colours => progressOption(campaign, objective, view, colours),
    }));
  }
  if (campaign.objectives.length > 1) tradeOffs(main, campaign);
}

function summary(campaign, objective) {
  const all = campaign.experiments.filter(e => measured(e, objective) !== null);
  if (!all.length) return `No experiment has measured ${objective.name} yet.`;
  const inBounds = campaign.outcome_constraints.length ? `; ${all.filter(e => !e.violates).length} of ${all.length} hold every outcome constraint` : '';
  if (!objective.goal) return `${titled(objective)} of each experiment${inBounds}.`;
  const curve = bestSoFar(campaign.experiments, objective, e => e.number);
  if (!curve.length) return `${titled(objective)} of each experiment${inBounds}.`;
  const last = curve[curve.length - 1];
  return `Best ${titled(objective)} so far, from ${number(curve[0].value)} after the first ${inBounds ? 'that counts' : 'measured experiment'} to ${number(last.value)} after ${all.length}${inBounds}.`;
}

function progressOption(campaign, objective, view, colours) {
  const curve = bestSoFar(campaign.experiments, objective, view.x);
  const best = curve.length ? curve[curve.length - 1].experiment : null;
  const dots = campaign.experiments.filter(e => measured(e, objective) !== null);
  dots.sort((a, b) => (a === best) - (b === best));  // the best is drawn last, on top
  const failed = campaign.experiments.filter(hasFailed);
  const beside = marked(campaign, objective);
  const range = padded([...dots.map(e => measured(e, objective)), ...beside.map(l => l.value)]) || [0, 1];
  const ends = [...dots, ...failed].map(view.x);
  const right = Math.max(view.whole ? 1 : 0, ...ends);
  const steps = curve.map(p => [p.x, p.value]);
  if (steps.length) steps.push([right, steps[steps.length - 1][1]]);
  const point = e => ({value: [view.x(e), measured(e, objective)], experiment: e, ...mark(colours, {initial: isInitial(e), best: e === best, violates: Boolean(e.violates), added: e.state === 'added', n: dots.length})});
  return {
    grid: {left: 64, right: 16, top: 20, bottom: 48},
    tooltip: {formatter: p => p.data.experiment && experimentTip(campaign, p.data.experiment)},
    xAxis: axis(colours, {name: view.title, nameGap: 30, min: 0, max: right * 1.02 || 1, minInterval: view.whole ? 1 : 0,
                          splitLine: {show: false}, axisLabel: {formatter: v => v > right * 1.001 ? '' : number(v)}}),
    yAxis: axis(colours, {name: titled(objective), nameGap: 46, min: range[0], max: range[1],
                          axisLabel: {show: dots.length > 0, formatter: v => number(v), showMinLabel: false, showMaxLabel: false}}),
    series: [
      {type: 'line', step: 'end', data: steps, showSymbol: false, silent: true, lineStyle: {color: colours.best, width: 2.5}, z: 2,
       markLine: lines(beside, colours)},
      {type: 'scatter', data: dots.map(point), z: 3},
      {type: 'scatter', symbol: CROSS, symbolSize: 9, itemStyle: {color: colours.failed}, z: 4,
       data: failed.map(e => ({value: [view.x(e), range[0] + 0.025 * (range[1] - range[0])], experiment: e}))},
    ],
  };
}

function tradeOffs(main, campaign) {
  const {section: box} = section(main, 'trade-offs', 'Trade-offs', `The large marks are the experiments that no other one${campaign.outcome_constraints.length ? ' that holds every outcome constraint' : ''} beats in every objective${campaign.objectives.length === 2 ? '; the line joins them' : ''}.`);
  const grid = element(box, 'div', {class: 'pair'});
  const front = new Set(campaign.best.map(b => b.name));
  campaign.objectives.forEach((first, i) => {
    for (const second of campaign.objectives.slice(i + 1)) {
      chart(grid, {
        height: 340,
        marks: campaign.experiments.length,
        label: `${titled(second)} against ${titled(first)}, one mark an experiment; ${front.size} are not beaten by any other.`,
        option: colours => tradeOffOption(campaign, first, second, front, colours),
      });
    }
  });
}

function tradeOffOption(campaign, first, second, front, colours) {
  const dots = campaign.experiments.filter(e => measured(e, first) !== null && measured(e, second) !== null);
  dots.sort((a, b) => front.has(a.name) - front.has(b.name));  // the best are drawn last, on top
  const values = e => [measured(e, first), measured(e, second)];
  const x = padded(dots.map(e => measured(e, first))) || [0, 1], y = padded(dots.map(e => measured(e, second))) || [0, 1];
  const scale = (objective, range, gap) => axis(colours, {
    name: titled(objective), nameGap: gap, min: range[0], max: range[1],
    axisLabel: {formatter: v => number(v), showMinLabel: false, showMaxLabel: false},
  });
  return {
    grid: {left: 64, right: 16, top: 20, bottom: 48},
    tooltip: {formatter: p => experimentTip(campaign, p.data.experiment)},
    xAxis: scale(first, x, 30),
    yAxis: scale(second, y, 46),
    series: [
      {type: 'line', silent: true, showSymbol: false, lineStyle: {color: colours.best, width: 1.2, opacity: 0.7}, z: 1,
       data: campaign.objectives.length === 2 ? dots.filter(e => front.has(e.name)).map(values).sort((a, b) => a[0] - b[0]) : []},
      {type: 'scatter', z: 2,
       data: dots.map(e => ({value: values(e), experiment: e, ...mark(colours, {initial: isInitial(e), best: front.has(e.name), violates: Boolean(e.violates), added: e.state === 'added', n: dots.length})}))},
    ],
  };
}
