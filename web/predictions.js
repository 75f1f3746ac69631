// Predicted against measured: was the model right about what it had not yet seen?
import {coverage, measured, outcomes, padded, predicted} from './campaign.js';
import {axis, chart} from './chart.js';
import {graphic} from './echarts.js';
import {experimentTip} from './experiment.js';
import {number, titled} from './format.js';
import {element, section} from './page.js';

const WIDTH = 1.64;  // standard deviations on each side that hold 90 % of a normal distribution

export function predictions(main, campaign) {
  const some = outcomes(campaign).filter(o => coverage(campaign.experiments, o, WIDTH).total > 0);
  const {section: box} = section(main, 'predictions', 'Predicted against measured', some.length ?
      'What the model said before each experiment, with bars of ±1.64 standard deviations (90 %), against what was then measured. On the dashed line both agree.' : undefined);
  if (!some.length) {
    element(box, 'p', {class: 'empty'}, 'No experiment was both predicted and measured yet.');
    return;
  }
  const grid = element(box, 'div', {class: some.length > 1 ? 'pair' : ''});
  for (const objective of some) {
    const {inside, total} = coverage(campaign.experiments, objective, WIDTH);
    const share = Math.round(100 * inside / total);
    const words = `${inside} of ${total} measured values (${share}\u202f%) lie within their 90\u202f% interval.`;
    const figure = element(grid, 'figure');
    chart(figure, {
      height: 400,
      marks: campaign.experiments.length,
      label: `Measured against predicted ${titled(objective)}. ${words}`,
      option: colours => option(campaign, objective, colours),
    });
    element(figure, 'figcaption', {}, `${some.length > 1 ? `${objective.name}: ` : ''}${words} The interval is the model’s for the true outcome; noise of the measurement comes on top.`);
  }
}

function option(campaign, objective, colours) {
  const rows = campaign.experiments.filter(e => measured(e, objective) !== null && predicted(e, objective) !== null);
  const crowded = rows.length > 300;
  const data = rows.map(e => {
    const guess = predicted(e, objective);
    return {value: [guess.mean, measured(e, objective), guess.mean - WIDTH * guess.sd, guess.mean + WIDTH * guess.sd], experiment: e};
  });
  const y = padded(data.flatMap(d => [d.value[0], d.value[1]]));
  const x = padded(data.flatMap(d => [d.value[0], d.value[1], ...inReach(d.value, y)]));
  const low = Math.min(x[0], y[0]), high = Math.max(x[1], y[1]);
  const scale = (name, gap, range) => axis(colours, {
    name, nameGap: gap, min: range[0], max: range[1], axisLabel: {formatter: v => number(v), showMinLabel: false, showMaxLabel: false},
  });
  return {
    grid: {left: 64, right: 16, top: 20, bottom: 48},
    tooltip: {formatter: p => experimentTip(campaign, p.data.experiment)},
    xAxis: scale(`predicted ${titled(objective)}`, 30, x),
    yAxis: scale(`measured ${titled(objective)}`, 46, y),
    series: [
      {type: 'line', data: [[low, low], [high, high]], showSymbol: false, silent: true, clip: true, z: 1,
       lineStyle: {color: colours.muted, type: 'dashed', width: 1.2}},
      {type: 'custom', data, z: 2, clip: true, encode: {x: [0, 2, 3], y: 1}, renderItem: (params, api) => bar(params, api, colours, crowded ? 0.15 : 0.45)},
      {type: 'scatter', data, z: 3, symbolSize: crowded ? 5 : 8, encode: {x: 0, y: 1}, itemStyle: {color: colours.model, borderColor: colours.panel, borderWidth: 0.8}},
    ],
  };
}

// Very uncertain predictions would push the points together: their bars may leave the frame.
function inReach([, , low, high], [bottom, top]) {
  const reach = 0.5 * (top - bottom);
  return [Math.max(low, bottom - reach), Math.min(high, top + reach)];
}

function bar(params, api, colours, opacity) {
  const from = api.coord([api.value(2), api.value(1)]), to = api.coord([api.value(3), api.value(1)]);
  const {x, width} = params.coordSys;
  const clipped = graphic.clipRectByRect({x: from[0], y: from[1] - 0.75, width: Math.max(1, to[0] - from[0]), height: 1.5},
                                         {x, y: params.coordSys.y, width, height: params.coordSys.height});
  return clipped && {type: 'rect', shape: clipped, style: {fill: colours.model, opacity}};
}
