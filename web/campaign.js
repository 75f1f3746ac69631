// What the report works out from the exported campaign. Pure: no page, no chart.

/** How good a value is for an objective; larger is better. */
export function merit(objective, value) {
  if (objective.goal === 'minimize') return -value;
  if (objective.goal === 'target') return -Math.abs(value - objective.target);
  return value;
}

/**
 * The campaign with the experiments that a person added among its own, in the state "added". Each has a `name` ("17",
 * "added 1") and a `title` ("experiment 17", "added experiment 1"), and so have the best. On an axis of experiments an
 * added one stands where those had come that were proposed by then.
 */
export function withAdded(campaign) {
  const own = number => ({name: String(number), title: `experiment ${number}`});
  const other = number => ({name: `added ${number}`, title: `added experiment ${number}`});
  const found = one => ({...one, ...(one.added ? other(one.added) : own(one.experiment))});
  const added = campaign.added.map(a => ({
    ...a, ...other(a.number), state: 'added', commands: [], ended_s: a.at_s,
    number: campaign.experiments.filter(e => e.proposed_s <= a.at_s).length,
  }));
  return {
    ...campaign,
    experiments: [...campaign.experiments.map(e => ({...e, ...own(e.number)})), ...added],
    best: campaign.best.map(found),
    nearest: campaign.nearest && found(campaign.nearest),
  };
}

/** Whether its point counts as one where experiments fail. */
export function failed(experiment) {
  return experiment.counts_as === 'failed';
}

/** What a person said of it last, if it is one of the campaign's: {who, why, …}, or undefined. */
export function correction(experiment) {
  return experiment.state === 'added' ? undefined : experiment.corrections?.at(-1);
}

/** Everything that is measured: the objectives, then what only outcome constraints speak of, which has no goal. */
export function outcomes(campaign) {
  return [...campaign.objectives, ...campaign.measured_too];
}

/** The outcome constraints on one objective or other measurand. */
function boundsOf(campaign, outcome) {
  return campaign.outcome_constraints.filter(c => c.measurand === outcome.name);
}

/** Whether an experiment violates an outcome constraint on `outcome`. Which it violates at all, `experiment.violates` says. */
export function outOfBounds(campaign, experiment, outcome) {
  return boundsOf(campaign, outcome).some(c => (experiment.violates || []).includes(c.text));
}

/** What a chart of an outcome draws a line for, beside what was measured: its target and its bounds. */
export function marked(campaign, outcome) {
  const bounds = boundsOf(campaign, outcome).map(c => ({value: c.at_most ?? c.at_least, text: c.at_most === undefined ? 'at least' : 'at most'}));
  return outcome.goal === 'target' ? [{value: outcome.target, text: 'target'}, ...bounds] : bounds;
}

/** The number that was measured of an objective, or null. */
export function measured(experiment, objective) {
  const value = experiment.measured ? experiment.measured[objective.name] : undefined;
  return Number.isFinite(value) ? value : null;
}

/** {mean, sd} as it was predicted before the experiment, or null. */
export function predicted(experiment, objective) {
  const value = experiment.predicted ? experiment.predicted[objective.name] : undefined;
  return value && Number.isFinite(value.mean) && Number.isFinite(value.sd) ? value : null;
}

/** True for an experiment that the planner chose without a model: it belongs to the initial design. */
export function isInitial(experiment) {
  return !experiment.predicted && experiment.state !== 'added';
}

/**
 * The best value after each experiment that measured the objective and violates no outcome constraint, in the order of
 * `x(experiment)`. returns [{x, value, experiment}], one such experiment; none for what has no goal.
 */
export function bestSoFar(experiments, objective, x) {
  if (!objective.goal) return [];
  const done = experiments.filter(e => measured(e, objective) !== null && !e.violates).sort((a, b) => x(a) - x(b));
  let best = null;
  return done.map(e => {
    const value = measured(e, objective);
    if (best === null || merit(objective, value) > merit(objective, best.value)) best = {value, experiment: e};
    return {x: x(e), value: best.value, experiment: best.experiment};
  });
}

/** How often the measured value lay within mean ± width·sd: {inside, total}. */
export function coverage(experiments, objective, width) {
  let inside = 0, total = 0;
  for (const e of experiments) {
    const value = measured(e, objective), guess = predicted(e, objective);
    if (value === null || guess === null) continue;
    total += 1;
    if (Math.abs(value - guess.mean) <= width * guess.sd) inside += 1;
  }
  return {inside, total};
}

/** Every command of every experiment: [{…command, experiment}], in order of start. */
export function commands(campaign) {
  return campaign.experiments.flatMap(e => e.commands.map(c => ({...c, experiment: e})))
      .sort((a, b) => a.start_s - b.start_s);
}

/** The share of the campaign's laboratory time in which an instrument was busy, by its id. */
export function utilisation(campaign) {
  const busy = new Map(campaign.instruments.map(i => [i.id, 0]));
  if (!(campaign.lab_time_s > 0)) return busy;
  for (const c of commands(campaign)) {
    const end = c.end_s === undefined ? campaign.lab_time_s : c.end_s;
    busy.set(c.instrument, (busy.get(c.instrument) || 0) + Math.max(0, end - c.start_s) / campaign.lab_time_s);
  }
  return busy;
}

/** [low, high] around the values with a margin on both sides, so that no mark touches the frame; null without values. */
export function padded(values, margin = 0.08) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b)), high = finite.reduce((a, b) => Math.max(a, b));
  const width = high > low ? high - low : Math.abs(high) || 1;
  return [low - margin * width, high + margin * width];
}

/**
 * Round numbers from low to high for an axis: 1, 2, 2.5 or 5 times a power of ten apart; on a log axis 1, 2 and 5 times
 * each power of ten (the powers alone where there are many, more where there is less than one).
 */
export function ticks(low, high, log = false, about = 5) {
  const found = [];
  if (log) {
    const decades = Math.log10(high / low);
    const steps = decades > 4 ? [1] : decades > 0.7 ? [1, 2, 5] : [1, 1.5, 2, 3, 5, 7];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const step of steps) found.push(step * 10 ** power);
    }
  } else {
    const rough = (high - low) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map(s => s * power).find(s => s >= rough * 0.999);
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  }
  return found.filter(t => t >= low - 1e-9 * Math.abs(low) && t <= high + 1e-9 * Math.abs(high))
      .map(t => Number(t.toPrecision(12)));
}
