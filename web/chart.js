// A chart in a frame: follows the size of its frame and the reader's light or dark setting, and says in words what it shows.
import {init} from './echarts.js';
import {element} from './page.js';

const dark = window.matchMedia('(prefers-color-scheme: dark)');

/** The colours of the page's style sheet, as ECharts needs them. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour('ink'), muted: colour('muted'), grid: colour('grid'), panel: colour('panel'), line: colour('line'),
    best: colour('best'), model: colour('model'), initial: colour('initial'), failed: colour('failed'),
    steps: Array.from({length: 8}, (_, i) => colour(`step-${i + 1}`)),
    font: style.getPropertyValue('--sans').trim(),
  };
}

/**
 * Draws into a new frame under `parent`. `option(colours)` gives the ECharts option; it is asked again when the colours
 * change, and by the `redraw` of the returned {frame, redraw}. `marks` is about how many things are drawn: few stay sharp
 * at every zoom and on paper, many are drawn faster than they could be kept as elements.
 */
export function chart(parent, {height, label, option, marks}) {
  const frame = element(parent, 'div', {class: 'chart', role: 'img', 'aria-label': label, style: `height:${height}px`});
  const drawn = init(frame, null, {renderer: marks > 1500 ? 'canvas' : 'svg'});
  const redraw = () => drawn.setOption(dressed(option(palette())), {notMerge: true});
  redraw();
  new ResizeObserver(() => drawn.resize()).observe(frame);
  dark.addEventListener('change', redraw);
  return {frame, redraw};
}

function dressed(option) {
  const colours = palette();
  return {
    animation: false,
    textStyle: {fontFamily: colours.font, color: colours.ink},
    ...option,
    tooltip: option.tooltip && {
      confine: true,
      backgroundColor: colours.panel,
      borderColor: colours.line,
      textStyle: {color: colours.ink, fontSize: 13, fontFamily: colours.font},
      extraCssText: 'box-shadow:0 4px 18px rgba(0,0,0,.18);border-radius:6px;max-width:320px;white-space:normal',
      ...option.tooltip,
    },
  };
}

/** What all our axes have in common; `more` is ECharts' own vocabulary. */
export function axis(colours, more) {
  return {
    type: 'value',
    nameLocation: 'middle',
    nameTextStyle: {color: colours.muted, fontSize: 12},
    axisLine: {show: true, onZero: false, lineStyle: {color: colours.line}},
    axisTick: {show: false},
    splitLine: {lineStyle: {color: colours.grid}},
    ...more,
    axisLabel: {color: colours.muted, fontSize: 12, hideOverlap: true, ...more.axisLabel},
  };
}

/** Dashed lines across a chart, one a {value, text}; undefined where there is none. */
export function lines(marked, colours) {
  if (!marked.length) return undefined;
  return {
    silent: true, symbol: 'none', data: marked.map(({value, text}) => ({yAxis: value, name: text})),
    lineStyle: {color: colours.muted, type: 'dashed', width: 1.2},
    label: {formatter: '{b}', position: 'insideEndTop', color: colours.muted, fontSize: 12},
  };
}

export const CROSS = 'path://M0,1 L1,0 L5,4 L9,0 L10,1 L6,5 L10,9 L9,10 L5,6 L1,10 L0,9 L4,5 Z';

/**
 * The mark of one of `n` experiments: hollow where it was chosen without a model, larger where it is the best, a triangle
 * where it violates an outcome constraint, a diamond where a person added it.
 */
export function mark(colours, {initial, best, violates, added, n}) {
  const crowded = n > 300;
  if (violates) {
    return {symbol: 'triangle', symbolSize: crowded ? 5 : 9, itemStyle: {color: colours.panel, borderColor: colours.failed, borderWidth: 1.4, opacity: crowded ? 0.6 : 1}};
  }
  return {
    symbol: added ? 'diamond' : 'circle',
    symbolSize: best ? 13 : crowded ? 5 : 8,
    itemStyle: {
      color: best ? colours.best : initial ? colours.panel : colours.model,
      borderColor: best ? colours.panel : initial ? colours.initial : colours.panel,
      borderWidth: best ? 2 : initial ? 1.6 : crowded ? 0 : 0.8,
      opacity: best || initial ? 1 : crowded ? 0.6 : 0.85,
    },
  };
}
