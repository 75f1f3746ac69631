// Goal: what the report works out and writes is right. Method: small cases with answers known by hand, and properties of
// the axis ticks over ranges of many sizes. Run: node --test tests/web/
import assert from 'node:assert/strict';
import test from 'node:test';

import {bestSoFar, correction, coverage, failed, isInitial, marked, merit, outcomes, outOfBounds, padded, ticks, utilisation, withAdded} from '../../web/campaign.js';
import {comparison, date, decimals, duration, number, quantity, timeUnit, unit} from '../../web/format.js';

test('units are written as people write them', () => {
  assert.equal(unit('degC'), '°C');
  assert.equal(unit('umol/L'), 'µmol/L');
  assert.equal(unit('W/m^2'), 'W/m²');
  assert.equal(unit('m**-1'), 'm⁻¹');
  assert.equal(unit('%'), '%');
  assert.equal(unit(''), '');
  assert.equal(unit('degCx'), 'degCx');
});

test('numbers keep four digits, signs and sizes', () => {
  assert.equal(number(0), '0');
  assert.equal(number(0.30000000000000004), '0.3');
  assert.equal(number(12345.6), '12346');
  assert.equal(number(-2.5), '−2.5');
  assert.equal(number(3.2e-7), '3.2·10⁻⁷');
  assert.equal(number(1e9), '1·10⁹');
  assert.equal(number(null), '–');
  assert.equal(number(NaN), '–');
  assert.equal(quantity('XPhos', ''), 'XPhos');
  assert.equal(quantity(80, 'degC'), '80\u202f°C');
});

test('a column of numbers has one number of decimals', () => {
  const write = decimals([1.5, 42, null, 0.25]);
  assert.deepEqual([1.5, 42, null].map(write), ['1.50', '42.00', '']);
  assert.deepEqual([3, -1].map(decimals([3, -1])), ['3', '−1']);
  assert.equal(decimals([])(1), '1');
  assert.equal(decimals([2e-5])(2e-5), '2·10⁻⁵');
});

test('durations name their two largest pieces', () => {
  assert.equal(duration(0), '0 s');
  assert.equal(duration(0.25), '0.25 s');
  assert.equal(duration(59.7), '1 min');
  assert.equal(duration(125), '2 min 5 s');
  assert.equal(duration(3600), '1 h');
  assert.equal(duration(3601), '1 h');
  assert.equal(duration(86400 * 3 + 3600 * 4 + 59), '3 d 4 h');
  assert.equal(duration(undefined), '–');
  assert.deepEqual(timeUnit(7200), {name: 'min', seconds: 60});
});

test('dates are in UTC, and a bad one is no crash', () => {
  assert.equal(date('2026-03-01T08:15:30.250Z'), '1 Mar 2026, 08:15 UTC');
  assert.equal(date('soon'), '–');
});

const YIELD = {name: 'yield', unit: '%', goal: 'maximize'};
const done = (n, value, guess) => ({number: n, measured: {yield: value}, predicted: guess && {yield: guess}, commands: []});

test('best so far follows the goal and skips what was not measured', () => {
  const all = [done(2, 5), done(1, 3), {number: 3, commands: []}, done(4, 4), done(5, null)];
  const values = goal => bestSoFar(all, {...YIELD, ...goal}, e => e.number).map(p => p.value);
  assert.deepEqual(values({}), [3, 5, 5]);
  assert.deepEqual(values({goal: 'minimize'}), [3, 3, 3]);
  assert.deepEqual(values({goal: 'target', target: 4.2}), [3, 5, 4]);
  assert.equal(merit({goal: 'target', target: 4}, 6), -2);
  assert.deepEqual(bestSoFar([], YIELD, e => e.number), []);
});

test('what violates an outcome constraint is never the best, and what has no goal has no best', () => {
  const all = [{...done(1, 9), violates: ['impurity <= 5 %']}, done(2, 3), done(3, 4)];
  assert.deepEqual(bestSoFar(all, YIELD, e => e.number).map(p => p.value), [3, 4]);
  assert.deepEqual(bestSoFar(all, {name: 'yield', unit: '%'}, e => e.number), []);
});

test('outcome constraints are found by what they bound', () => {
  const impurity = {name: 'impurity', unit: '%'}, aim = {...YIELD, goal: 'target', target: 60};
  const campaign = {
    objectives: [aim], measured_too: [impurity],
    outcome_constraints: [{text: 'impurity <= 5 %', measurand: 'impurity', at_most: 5}, {text: 'yield >= 0 %', measurand: 'yield', at_least: 0}],
  };
  const experiment = {violates: ['impurity <= 5 %']};
  assert.deepEqual(outcomes(campaign), [aim, impurity]);
  assert.equal(outOfBounds(campaign, experiment, impurity), true);
  assert.equal(outOfBounds(campaign, experiment, aim), false);
  assert.equal(outOfBounds(campaign, {}, impurity), false);
  assert.deepEqual(marked(campaign, impurity), [{value: 5, text: 'at most'}]);
  assert.deepEqual(marked(campaign, aim), [{value: 60, text: 'target'}, {value: 0, text: 'at least'}]);
  assert.equal(comparison('impurity <= 5 %'), 'impurity ≤ 5 %');
});

test('coverage counts what was predicted and measured', () => {
  const all = [done(1, 10), done(2, 10, {mean: 9, sd: 1}), done(3, 10, {mean: 5, sd: 1}), done(4, null, {mean: 1, sd: 1})];
  assert.deepEqual(coverage(all, YIELD, 1.64), {inside: 1, total: 2});
});

test('an instrument is busy while its commands run, the running ones until now', () => {
  const campaign = {
    lab_time_s: 100, instruments: [{id: 'a'}, {id: 'b'}],
    experiments: [{commands: [{instrument: 'a', start_s: 10, end_s: 40}, {instrument: 'a', start_s: 80}]}],
  };
  assert.deepEqual([...utilisation(campaign)], [['a', 0.5], ['b', 0]]);
  assert.deepEqual([...utilisation({...campaign, lab_time_s: 0})], [['a', 0], ['b', 0]]);
});

test('added experiments stand among the others, under names of their own', () => {
  const word = {who: 'ann', why: 'by hand'};
  const campaign = withAdded({
    experiments: [{...done(1, 5), proposed_s: 0}, {...done(2, 6), proposed_s: 9, corrections: [{...word, why: 'first'}, word], counts_as: 'failed'}],
    added: [{number: 1, at: {}, at_s: 4, measured: {yield: 8}, counts_as: 'measured', corrections: [word]}],
    best: [{added: 1}, {experiment: 1}],
  });
  assert.deepEqual(campaign.experiments.map(e => e.name), ['1', '2', 'added 1']);
  assert.deepEqual(campaign.best.map(b => b.title), ['added experiment 1', 'experiment 1']);
  const [first, second, added] = campaign.experiments;
  assert.equal(added.number, 1);
  assert.deepEqual([first, second, added].map(isInitial), [true, true, false]);
  assert.deepEqual([first, second, added].map(failed), [false, true, false]);
  assert.deepEqual([first, second, added].map(correction), [undefined, word, undefined]);
  assert.deepEqual(bestSoFar(campaign.experiments, YIELD, e => e.number).map(p => p.value), [5, 8, 8]);
});

test('padding leaves room on both sides, also around a single value', () => {
  assert.equal(padded([]), null);
  assert.equal(padded([NaN]), null);
  const [low, high] = padded([5]);
  assert.ok(low < 5 && high > 5);
  assert.deepEqual(padded([0], 0.5), [-0.5, 0.5]);
});

test('ticks are round, ascending, inside the range, and neither few nor many', () => {
  assert.deepEqual(ticks(30, 110, false, 4), [40, 60, 80, 100]);
  assert.deepEqual(ticks(60, 600, true), [100, 200, 500]);
  assert.deepEqual(ticks(0.05, 0.25, true), [0.05, 0.07, 0.1, 0.15, 0.2]);
  for (let i = 0; i < 400; i += 1) {
    const low = (i % 7 - 3) * 10 ** (i % 5 - 2), high = low + (1 + i % 13) * 10 ** (i % 9 - 4);
    const found = ticks(low, high);
    assert.ok(found.length >= 2 && found.length <= 8, `${low}…${high}: ${found}`);
    assert.ok(found.every((t, k) => (k === 0 || t > found[k - 1]) && t >= low - 1e-9 && t <= high + 1e-9), `${found}`);
    const base = 10 ** (i % 6 - 3), top = base * (1.5 + i);
    const logs = ticks(base, top, true);
    assert.ok(logs.length >= 1 && logs.every((t, k) => k === 0 || t > logs[k - 1]), `log ${base}…${top}: ${logs}`);
  }
});
