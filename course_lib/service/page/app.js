"use strict";
// Everything that comes from the service is put in as text, never as HTML: a document or a model
// may hold whatever it likes.

const UNREACHABLE = "The service cannot be reached.";
let current = null; // the reply that is shown
let asking = null; // stops the request that is under way

function show(id, text) {
  at(id).textContent = text;
  at(id).hidden = !text;
}

// The events of a stream as [name, what it says], in the format of server-sent events.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      let name = "message", said = "";
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) said += line.slice(6);
      }
      if (said) yield [name, JSON.parse(said)];
    }
  }
}

async function problemOf(response) {
  const wait = response.headers.get("Retry-After");
  let message = `The service answered ${response.status}.`;
  try {
    message = (await response.json()).message;
  } catch { /* no JSON: the number has to do */ }
  return wait ? `${message} Try again in ${wait} s.` : message;
}

function waiting(yes, said = "") {
  at("status").textContent = said;
  at("ask").querySelector("button").setAttribute("aria-disabled", String(yes));
  at("reply").setAttribute("aria-busy", String(yes));
}

function openPassage(number) {
  const details = at(`passage-${number}`);
  details.open = true;
  details.querySelector("summary").focus();
  details.scrollIntoView({ block: "nearest" });
}

// The answer's text, with a button for each citation.
function fillAnswer(reply) {
  const numbers = new Set(reply.passages.filter((one) => one.cited).map((one) => one.number));
  const answer = at("answer");
  answer.textContent = "";
  for (const part of reply.text.split(/(\[\d+\])/)) {
    const number = Number(/^\[(\d+)\]$/.exec(part)?.[1]);
    if (numbers.has(number)) {
      const cite = make("button", part, { type: "button", class: "cite" });
      cite.setAttribute("aria-label", `Open passage ${number}`);
      cite.addEventListener("click", () => openPassage(number));
      answer.append(cite);
    } else {
      answer.append(part);
    }
  }
}

function fillPassages(reply) {
  at("passages").hidden = reply.passages.length === 0;
  at("passage-list").replaceChildren(...reply.passages.map((one) => {
    const details = make("details", "", { id: `passage-${one.number}` });
    if (one.cited) details.className = "cited";
    const cited = one.cited ? " (cited)" : "";
    details.append(
      make("summary", `[${one.number}] ${one.title}: ${one.locator}${cited}`),
      make("blockquote", one.text),
    );
    const item = document.createElement("li");
    item.append(details);
    return item;
  }));
}

function fillTrace(reply) {
  at("trace").hidden = !reply.trace || reply.trace.length === 0;
  at("steps").replaceChildren();
  if (at("trace").hidden) return;
  at("steps").append(waterfall(reply.trace, "The steps, in milliseconds since the question came"));
  for (const step of reply.trace) {
    const what = JSON.stringify({ ...step.given, ...step.made }, null, 2);
    const details = make("details", "");
    details.append(make("summary", `What "${step.name}" got and made`), make("pre", what, { tabindex: "0" }));
    at("steps").append(details);
  }
}

function fill(reply) {
  current = reply;
  at("reply").hidden = false;
  at("reply").dataset.status = reply.status;
  const titles = { answered: "Answer", abstained: "No answer", declined: "Declined" };
  at("reply-title").textContent = titles[reply.status];
  fillAnswer(reply);
  fillPassages(reply);
  fillTrace(reply);
  show("reason", reply.reason && `Why: ${reply.reason}.`);
  at("feedback").hidden = false;
  at("comment").value = "";
  at("thanks").textContent = "";
}

async function ask() {
  const question = at("question").value;
  if (!question.trim()) {
    at("question").focus();
    return;
  }
  asking?.abort();
  const stop = (asking = new AbortController());
  show("problem", "");
  at("reply").hidden = true;
  waiting(true, "Searching the documents …");
  let ended = false;
  try {
    const response = await fetch("/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ question, trace: true }),
      signal: stop.signal,
    });
    if (!response.ok) throw new Error(await problemOf(response));
    for await (const [name, said] of eventsOf(response)) {
      if (name === "passages") {
        const found = said.found.length;
        waiting(true, `Reading ${found} ${found === 1 ? "passage" : "passages"} …`);
      } else if (name === "token") {
        if (at("reply").hidden) {
          fill({ status: "answered", text: "", reason: "", passages: [], trace: null, milliseconds: 0 });
          at("feedback").hidden = true;
        }
        at("answer").append(said.text);
      } else if (name === "problem") {
        throw new Error(said.message);
      } else if (name === "reply") {
        ended = true;
        fill(said);
        waiting(false, `${at("reply-title").textContent} after ${(said.milliseconds / 1000).toFixed(1)} s.`);
        at("reply-title").focus();
      }
    }
    if (!ended) throw new Error("The connection broke off before the answer was there.");
  } catch (error) {
    if (error.name === "AbortError") return; // another question took its place
    waiting(false);
    at("reply").hidden = !ended;
    // the browser's own words for a lost connection say nothing to a reader
    show("problem", error instanceof TypeError ? UNREACHABLE : error.message);
  }
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
at("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask();
  }
});
at("feedback").addEventListener("submit", async (event) => {
  event.preventDefault();
  const helpful = event.submitter?.value !== "no";
  const body = JSON.stringify({ answer_id: current.id, helpful, comment: at("comment").value });
  const headers = { "Content-Type": "application/json" };
  let said = `${UNREACHABLE} Your feedback was not kept.`;
  try {
    const response = await fetch("/feedback", { method: "POST", headers, body });
    said = response.ok ? "Thank you, it is kept." : await problemOf(response);
  } catch { /* said already */ }
  at("thanks").textContent = said;
});
