// The report: reads the campaign that is embedded in the page and draws it, section by section.
import {withAdded} from './campaign.js';
import {duration} from './format.js';
import {bestConditions, figures, masthead} from './figures.js';
import {element, section} from './page.js';
import {parameters} from './parameters.js';
import {predictions} from './predictions.js';
import {progress} from './progress.js';
import {table} from './table.js';
import {timeline} from './timeline.js';

const campaign = withAdded(JSON.parse(document.getElementById('campaign').textContent));
const main = document.getElementById('main');

masthead(campaign);
figures(main, campaign);
happenings('alarms', 'Alarms', campaign.alarms);
bestConditions(main, campaign);
if (campaign.counts.measured + campaign.counts.failed + campaign.counts.added > 0) {
  progress(main, campaign);
  parameters(main, campaign);
} else {
  element(section(main, 'progress', 'Progress').section, 'p', {class: 'empty'}, 'No experiment has come to its end yet; the charts appear with the first one.');
}
predictions(main, campaign);
timeline(main, campaign);
table(main, campaign);
happenings('notes', 'Notes of the planner and of people', campaign.notes);

function happenings(id, title, list) {
  if (!list.length) return;
  const {section: box} = section(main, id, list.length > 1 ? `${title} (${list.length})` : title);
  const newest = [...list].reverse();
  listed(box, newest.slice(0, 3));
  if (list.length > 3) {
    const rest = element(box, 'details');
    element(rest, 'summary', {}, `${list.length - 3} earlier`);
    listed(rest, newest.slice(3));
  }
}

function listed(parent, list) {
  const rows = element(parent, 'ul', {class: 'happenings'});
  for (const one of list) {
    const row = element(rows, 'li');
    element(row, 'time', {datetime: one.time}, `after ${duration(one.at_s)}`);
    element(row, 'strong', {}, one.about);
    element(row, 'span', {}, one.text);
  }
}
