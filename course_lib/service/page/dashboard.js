"use strict";

const SHOWN = 20; // answers

function fill(reply) {
  at("times").replaceChildren();
  at("latest").replaceChildren();
  at("some").hidden = reply.traces.length === 0;
  if (!reply.traces.length) return;
  const whole = Math.max(...reply.steps.map((step) => step.longest), 0.001);
  const rows = reply.steps.map((step) => [
    step.name, [String(step.count), inMs(step.median), inMs(step.p95), inMs(step.longest)], [0, step.p95],
  ]);
  const caption = `The last ${reply.traces.length} answers. The bar is as long as 95 of 100 took at most.`;
  at("times").append(barTable(caption, ["Step", "How often", "Median, ms", "95 %, ms", "Longest, ms", "95 %"], rows, whole));
  at("latest").append(...reply.traces.slice(0, SHOWN).map((trace, index) => {
    const details = make("details", "");
    details.open = index === 0;
    const time = new Date(trace.began).toLocaleTimeString();
    details.append(
      make("summary", `${time}, ${trace.status}, ${inMs(trace.milliseconds)} ms`),
      waterfall(trace.steps, `Request ${trace.id}`),
    );
    return details;
  }));
}

async function refresh() {
  at("problem").hidden = true;
  try {
    const response = await fetch("/traces");
    if (!response.ok) throw new Error(`The service answered ${response.status}.`);
    const reply = await response.json();
    fill(reply);
    const n = reply.traces.length;
    at("status").textContent = n ? `${n} ${n === 1 ? "answer" : "answers"}, read at ${new Date().toLocaleTimeString()}.` : "No question has been answered yet.";
  } catch (error) {
    at("problem").textContent = error instanceof TypeError ? "The service cannot be reached." : error.message;
    at("problem").hidden = false;
  }
}

at("refresh").addEventListener("click", refresh);
refresh();
