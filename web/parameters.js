// Each parameter against the outcome: one small chart a parameter, all with the same outcome axis.
import {failed as hasFailed, isInitial, marked, measured, outcomes, padded, ticks} from './campaign.js';
import {axis, chart, CROSS, lines, mark} from './chart.js';
import {experimentTip} from './experiment.js';
import {number, titled} from './format.js';
import {choice, element, section} from './page.js';

export function parameters(main, campaign) {
  const {section: box, head} = section(main, 'parameters', 'Each parameter against the outcome', 'Where good outcomes crowd together, the parameter matters.');
  let objective = campaign.objectives[0];
  const charts = [];
  if (outcomes(campaign).length > 1) {
    choice(head, 'Outcome', outcomes(campaign).map(o => [o, o.name]), chosen => {
      objective = chosen;
      charts.forEach(c => c.redraw());
    });
  }
  const n = campaign.parameters.length;
  const grid = element(box, 'div', {class: `small-multiples columns-${n === 1 ? 1 : n === 2 || n === 4 ? 2 : 3}`});
  for (const parameter of campaign.parameters) {
    charts.push(chart(grid, {
      height: 236,
      marks: campaign.experiments.length * campaign.parameters.length,
      label: `${titled(objective)} against ${titled(parameter)}, one mark an experiment.`,
      option: colours => option(campaign, parameter, objective, colours),
    }));
  }
}

// Spreads the marks of one choice sideways, the same way at every drawing.
function jitter(n) {
  return ((n * 0.6180339887) % 1 - 0.5) * 0.5;
}

function option(campaign, parameter, objective, colours) {
  const place = e => {
    const at = e.at[parameter.name];
    return parameter.kind === 'choices' ? parameter.choices.indexOf(at) + jitter(e.number) : at;
  };
  const known = campaign.experiments.filter(e => Number.isFinite(place(e)));
  const dots = known.filter(e => measured(e, objective) !== null);
  const failed = known.filter(hasFailed);
  const best = new Set(campaign.best.map(b => b.name));
  dots.sort((a, b) => best.has(a.name) - best.has(b.name));  // the best are drawn last, on top
  const beside = marked(campaign, objective);
  const range = padded([...dots.map(e => measured(e, objective)), ...beside.map(l => l.value)]) || [0, 1];
  return {
    grid: {left: 52, right: 14, top: 12, bottom: slanted(parameter) ? 60 : 46},
    tooltip: {formatter: p => experimentTip(campaign, p.data.experiment)},
    xAxis: parameterAxis(parameter, colours),
    yAxis: axis(colours, {name: titled(objective), nameGap: 38, min: range[0], max: range[1], splitNumber: 4,
                          axisLabel: {show: dots.length > 0, formatter: v => number(v, 3), showMinLabel: false, showMaxLabel: false, fontSize: 11}}),
    series: [
      {type: 'scatter', z: 3,
       data: dots.map(e => ({value: [place(e), measured(e, objective)], experiment: e,
                             ...mark(colours, {initial: isInitial(e), best: best.has(e.name), violates: Boolean(e.violates), added: e.state === 'added', n: dots.length})})),
       markLine: lines(beside, colours)},
      {type: 'scatter', symbol: CROSS, symbolSize: 8, itemStyle: {color: colours.failed}, z: 2,
       data: failed.map(e => ({value: [place(e), range[0] + 0.04 * (range[1] - range[0])], experiment: e}))},
    ],
  };
}

function parameterAxis(parameter, colours) {
  const common = {name: titled(parameter), nameGap: 26, splitLine: {show: false}};
  if (parameter.kind === 'choices') return choicesAxis(parameter, colours, common);
  const values = parameter.levels || [parameter.low, parameter.high];
  const low = values[0], high = values[values.length - 1];
  const log = parameter.scale === 'log';
  const margin = log ? (high / low) ** 0.04 : 0.04 * (high - low || 1);
  const at = parameter.levels && parameter.levels.length <= 6 ? parameter.levels :
      ticks(low, high, log, 4).filter(t => parameter.kind !== 'integer' || Number.isInteger(t));
  return axis(colours, {
    ...common,
    type: log ? 'log' : 'value',
    min: log ? low / margin : low - margin,
    max: log ? high * margin : high + margin,
    minInterval: parameter.kind === 'integer' ? 1 : 0,
    axisTick: {show: true, customValues: at, lineStyle: {color: colours.line}},
    axisLabel: {customValues: at, formatter: v => number(v), fontSize: 11},
  });
}

// More choices than an axis has room to name.
function tooMany(parameter) {
  return parameter.choices.length > 12;
}

// Whether the names of the choices are so long that they must stand at a slant.
function slanted(parameter) {
  if (parameter.kind !== 'choices' || tooMany(parameter)) return false;
  return Math.max(...parameter.choices.map(c => c.length)) * parameter.choices.length > 34;
}

function choicesAxis(parameter, colours, common) {
  const crowded = tooMany(parameter);
  const shorten = text => text.length > 14 ? `${text.slice(0, 7)}…${text.slice(-6)}` : text;  // names often differ at their end
  return axis(colours, {
    ...common,
    nameGap: slanted(parameter) ? 40 : 26,
    min: -0.6,
    max: parameter.choices.length - 0.4,
    axisTick: {show: false},
    axisLabel: {
      show: !crowded, fontSize: 11, rotate: slanted(parameter) ? 28 : 0, hideOverlap: !slanted(parameter),
      customValues: parameter.choices.map((_, i) => i),
      formatter: v => shorten(parameter.choices[Math.round(v)] || ''),
    },
  });
}
