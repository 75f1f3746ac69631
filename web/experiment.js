// What the charts say about one experiment when the reader points at it.
import {correction, measured, outcomes, predicted} from './campaign.js';
import {comparison, number, quantity} from './format.js';
import {tip} from './page.js';

/** "81.2 ± 3 %": the mean and one standard deviation, the deviation to two digits and the mean as fine as that. */
export function guessText(guess, unitText) {
  const places = guess.sd > 0 ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(guess.sd)))) : 2;
  const mean = Math.abs(guess.mean) < 1e6 && places < 7 ? number(Number(guess.mean.toFixed(places)), 12) : number(guess.mean);
  return `${mean} ± ${quantity(guess.sd, unitText, 2)}`;
}

/** "ann: integrated anew; measured was yield 81.2 %": who says that something else counts, why, and instead of what. */
export function correctionText(campaign, experiment) {
  const last = correction(experiment);
  if (!last) return '';
  const first = outcomes(campaign).filter(o => experiment.as_measured?.[o.name] !== undefined)
      .map(o => `${o.name} ${quantity(experiment.as_measured[o.name], o.unit)}`).join(', ');
  const said = last.withdrawn ? 'withdrawn' : last.failed ? `failed, ${last.failed}` : 'corrected';
  return `${said} by ${last.who}: ${last.why}${first ? `; measured was ${first}` : ''}`;
}

/** "area_percent of hplc-1 is 130 %, above 105 %, the most there can be": why a value does not count. */
export function doubtText(experiment) {
  return Object.values(experiment.doubted || {}).join('; ');
}

/** Number, outcome, prediction, conditions and fate of an experiment. */
export function experimentTip(campaign, experiment) {
  const rows = [];
  for (const objective of outcomes(campaign)) {
    const value = measured(experiment, objective), guess = predicted(experiment, objective);
    if (value !== null) rows.push([objective.name, quantity(value, objective.unit)]);
    if (guess !== null) rows.push(['predicted', guessText(guess, objective.unit)]);
  }
  for (const parameter of campaign.parameters) {
    if (experiment.at[parameter.name] !== undefined) {
      rows.push([parameter.name, quantity(experiment.at[parameter.name], parameter.unit)]);
    }
  }
  for (const text of experiment.violates || []) rows.push(['violates', comparison(text)]);
  if (experiment.why) rows.push([experiment.state, experiment.why]);
  if (experiment.doubted) rows.push(['⚠', doubtText(experiment)]);
  if (correction(experiment)) rows.push(['✎', correctionText(campaign, experiment)]);
  if (experiment.state === 'added') rows.push([experiment.corrections.at(-1).who, experiment.corrections.at(-1).why]);
  return tip(experiment.title[0].toUpperCase() + experiment.title.slice(1), rows);
}
