// The instruments' time line: one row an instrument, one bar a command.
import {commands, utilisation} from './campaign.js';
import {axis, chart} from './chart.js';
import {graphic} from './echarts.js';
import {duration, number, timeUnit} from './format.js';
import {choice, element, legend, section, tip} from './page.js';

const ENDED_BADLY = new Set(['failed', 'interrupted', 'doubtful']);

export function timeline(main, campaign) {
  const all = commands(campaign);
  const {section: box, head} = section(main, 'timeline', 'Instruments', all.length ? 'One bar a command, numbered by experiment. Drag the handles below, or pinch, to look closer.' : undefined);
  if (!all.length) {
    element(box, 'p', {class: 'empty'}, 'No command was sent to an instrument yet.');
    return;
  }
  const rows = [...new Set([...campaign.instruments.map(i => i.id), ...all.map(c => c.instrument)])].sort(byName);
  const steps = [...new Set([...campaign.steps, ...all.map(c => c.step)])];
  let by = 'step';
  let drawn = null;
  choice(head, 'Colour', [['step', 'by step'], ['experiment', 'by experiment']], value => {
    by = value;
    key.hidden = value !== 'step';
    drawn.redraw();
  });
  const key = legend(box, [...steps.map((s, i) => [`step-${i % 8 + 1}`, s]), ...(all.some(c => ENDED_BADLY.has(c.state)) ? [['bad', 'ended badly']] : [])]);
  drawn = chart(box, {
    height: rows.length * 34 + 108,
    marks: all.length,
    label: `Time line of ${rows.length} instruments with ${all.length} commands over ${duration(campaign.lab_time_s)} of laboratory time.`,
    option: colours => option(campaign, all, rows, steps, by, colours),
  });
}

function byName(a, b) {
  return a.localeCompare(b, 'en', {numeric: true});
}

function option(campaign, all, rows, steps, by, colours) {
  const span = timeUnit(campaign.lab_time_s);
  const used = utilisation(campaign);
  const end = Math.max(campaign.lab_time_s, ...all.map(c => c.end_s || 0)) / span.seconds;
  const data = all.map(c => ({
    value: [rows.indexOf(c.instrument), c.start_s / span.seconds, c.end_s === undefined ? end : c.end_s / span.seconds],
    command: c,
    colour: colours.steps[(by === 'step' ? steps.indexOf(c.step) : c.experiment.number) % 8],
  }));
  const narrow = document.documentElement.clientWidth < 600;
  const label = id => `${id}\n${Math.round(100 * (used.get(id) || 0))} % busy`;
  return {
    grid: {left: narrow ? 84 : 116, right: 16, top: 8, bottom: 88},
    tooltip: {formatter: p => commandTip(p.data.command)},
    xAxis: axis(colours, {name: `laboratory time (${span.name})`, nameGap: 28, min: 0, max: end || 1,
                          axisLabel: {formatter: v => number(v, 3), showMaxLabel: false}}),
    yAxis: axis(colours, {type: 'category', data: rows, inverse: true, splitLine: {show: false},
                          axisLabel: {formatter: label, fontSize: 11, lineHeight: 14, interval: 0, hideOverlap: false, width: narrow ? 78 : 108, overflow: 'truncate'}}),
    dataZoom: [
      {type: 'inside', xAxisIndex: 0, filterMode: 'weakFilter', zoomOnMouseWheel: 'ctrl', preventDefaultMouseMove: false},
      {type: 'slider', xAxisIndex: 0, filterMode: 'weakFilter', height: 14, bottom: 12, showDetail: false, brushSelect: false,
       borderColor: colours.line, fillerColor: 'rgba(128,128,128,.18)', handleStyle: {color: colours.panel, borderColor: colours.muted},
       moveHandleStyle: {color: colours.muted}, dataBackground: {lineStyle: {opacity: 0}, areaStyle: {opacity: 0}},
       selectedDataBackground: {lineStyle: {opacity: 0}, areaStyle: {opacity: 0}}},
    ],
    series: [{
      type: 'custom', data, encode: {x: [1, 2], y: 0}, clip: true,
      renderItem: (params, api) => bar(params, api, data[params.dataIndex], colours),
    }],
  };
}

function bar(params, api, item, colours) {
  const row = api.value(0);
  const from = api.coord([api.value(1), row]), to = api.coord([api.value(2), row]);
  const height = Math.min(22, api.size([0, 1])[1] * 0.64);
  const shape = graphic.clipRectByRect({x: from[0], y: from[1] - height / 2, width: Math.max(1, to[0] - from[0]), height}, params.coordSys);
  if (!shape) return null;
  const bad = ENDED_BADLY.has(item.command.state), running = item.command.end_s === undefined;
  const number_ = String(item.command.experiment.number);
  return {
    type: 'rect',
    shape: {...shape, r: Math.min(2, shape.width / 3)},
    style: {fill: item.colour, opacity: running ? 0.5 : 0.92, stroke: bad ? colours.failed : colours.panel, lineWidth: bad ? 2.5 : shape.width > 4 ? 1 : 0},
    textContent: shape.width > 9 * number_.length + 6 ?
        {type: 'text', style: {text: number_, fill: '#fff', fontSize: 11, fontWeight: 600, fontFamily: colours.font}} : undefined,
    textConfig: {position: 'inside'},
  };
}

function commandTip(command) {
  const rows = [
    ['step', command.step], ['instrument', command.instrument], ['does', command.capability],
    ['begins', `after ${duration(command.start_s)}`],
    ['takes', command.end_s === undefined ? 'still running' : duration(command.end_s - command.start_s)],
    ['state', command.state],
  ];
  if (command.attempt > 1) rows.push(['attempt', String(command.attempt)]);
  if (command.why) rows.push(['why', command.why]);
  return tip(`Experiment ${command.experiment.number}`, rows);
}
