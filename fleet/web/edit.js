// What people may change about vehicles and rules: labels, alert rules.
import * as api from './api.js';
import { element } from './format.js';

const SECOND = 1000;

// The form under a vehicle's name. What is being edited is not overwritten by what comes meanwhile.
export class LabelForm {
  constructor(form, attempt, saved) {
    this.form = form;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const { group, model, tags } = form.elements;
      const labels = { group: group.value.trim(), model: model.value.trim(), tags: tags.value.split(/[\s,]+/).filter(Boolean) };
      attempt(async () => {
        await api.setLabels(this.id, labels);
        form.closest('details').open = false;
        await saved();
      });
    });
  }

  show(vehicle) {
    if (vehicle.id === this.id && this.form.closest('details').open) return;
    if (vehicle.id !== this.id) this.form.closest('details').open = false;
    this.id = vehicle.id;
    const { group, model, tags } = this.form.elements;
    group.value = vehicle.group;
    model.value = vehicle.model;
    tags.value = vehicle.tags.join(' ');
  }
}

function describe(rule) {
  const parts = [rule.condition];
  if (rule.for_ms > 0) parts.push(`for ${rule.for_ms / SECOND} s`);
  if (rule.tag) parts.push(`tag ${rule.tag}`);
  return parts.join(' · ');
}

function button(text, name, click) {
  const made = element('button', 'plain', text);
  made.type = 'button';
  made.setAttribute('aria-label', `${text} ${name}`);
  made.addEventListener('click', click);
  return made;
}

export class RuleList {
  // changed(): something was saved or removed
  constructor(list, hint, form, attempt, changed) {
    Object.assign(this, { list, hint, form, attempt, changed });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      attempt(() => this.save());
    });
  }

  async load() {
    const rules = await api.rules();
    const text = JSON.stringify(rules);
    if (text === this.text) return;
    this.text = text;
    this.hint.hidden = rules.length > 0;
    this.list.replaceChildren(...rules.map((rule) => this.item(rule)));
  }

  item(rule) {
    const entry = element('li');
    entry.dataset.rule = rule.name;
    const line = element('div', 'line');
    line.append(element('span', `state ${rule.severity}`, rule.severity), element('span', 'what', rule.name),
      button('Edit', rule.name, () => this.edit(rule)), button('Remove', rule.name, () => this.remove(rule)));
    entry.append(line, element('small', '', describe(rule)));
    return entry;
  }

  edit(rule) {
    const { name, condition, seconds, tag, severity } = this.form.elements;
    name.value = rule.name;
    condition.value = rule.condition;
    seconds.value = rule.for_ms / SECOND;
    tag.value = rule.tag;
    severity.value = rule.severity;
    this.form.closest('details').open = true;
    condition.focus();
  }

  remove(rule) {
    if (!confirm(`Remove the rule ${rule.name}? Its open alerts end.`)) return;
    this.attempt(async () => {
      await api.removeRule(rule.name);
      await this.reload();
    });
  }

  async save() {
    const { name, condition, seconds, tag, severity } = this.form.elements;
    await api.setRule(name.value.trim(), { condition: condition.value.trim(), tag: tag.value.trim(),
      for_ms: Math.round(Number(seconds.value) * SECOND), severity: severity.value });
    this.form.reset();
    this.form.closest('details').open = false;
    await this.reload();
  }

  async reload() {
    await this.load();
    await this.changed();
  }
}
