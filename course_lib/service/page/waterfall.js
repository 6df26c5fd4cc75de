"use strict";
// What both pages need: elements with text, and steps as a table with a bar for each.

const at = (id) => document.getElementById(id);

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function bar(from, length, whole) {
  const track = make("div", "", { class: "track", "aria-hidden": "true" });
  const made = make("span", "", { class: "bar" });
  made.style.marginLeft = `${Math.min(99, (100 * from) / whole)}%`;
  made.style.width = `${(100 * length) / whole}%`;
  track.append(made);
  return track;
}

// A table with a row for each of `rows`: a name, numbers, and [from, length] of its bar.
function barTable(caption, columns, rows, whole) {
  const table = make("table", "", { class: "bars" });
  const head = document.createElement("tr");
  head.append(...columns.map((column) => make("th", column, { scope: "col" })));
  table.append(make("caption", caption), document.createElement("thead"), document.createElement("tbody"));
  table.tHead.append(head);
  for (const [name, numbers, [from, length]] of rows) {
    const row = document.createElement("tr");
    row.append(make("th", name, { scope: "row" }), ...numbers.map((number) => make("td", number)));
    const last = document.createElement("td");
    last.append(bar(from, length, whole));
    row.append(last);
    table.tBodies[0].append(row);
  }
  return table;
}

const inMs = (number) => number.toFixed(number < 10 ? 1 : 0);

// The steps of a trace in the order in which they began.
function waterfall(steps, caption) {
  const ordered = [...steps].sort((one, other) => one.started - other.started);
  const whole = Math.max(0.001, ...ordered.map((step) => step.started + step.milliseconds));
  const rows = ordered.map((step) => [
    step.name, [inMs(step.started), inMs(step.milliseconds)], [step.started, step.milliseconds],
  ]);
  return barTable(caption, ["Step", "Starts, ms", "Takes, ms", "When"], rows, whole);
}
