/* The site's search: the notebook that teaches a thing comes before the pages that name it, and an
   excerpt is prose. COURSE_TAUGHT, page -> concepts, is written by course_lib/site/found.py. */
"use strict";

const asked = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase();
const askedWords = splitQuery(asked);

/* How many of a notebook's concepts have every word that is asked for, as a word or its start. */
const conceptsAsked = (page) =>
  (COURSE_TAUGHT[page] || []).filter((concept) => {
    const words = splitQuery(concept);
    return askedWords.every((one) => words.some((word) => word.startsWith(one)));
  }).length;

Object.assign(Scorer, { objPartialMatch: 1 });
Scorer.score = ([page, , , , score]) => {
  if (page.startsWith("notebooks/")) {
    const concepts = conceptsAsked(page);
    return score + 10 + (concepts ? 20 + concepts : 0);
  }
  return page === "docs/exercises" || page === "docs/snippets" ? score - 10 : score;
};

Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const article = page.querySelector(".bd-article") || page.body;
  const part = (anchor && article.querySelector(`[id="${anchor.slice(1)}"]`)) || article;
  part
    .querySelectorAll(".headerlink, script, style, pre, .cell, .course-run, dt.sig, h1")
    .forEach((element) => element.remove());
  return part.textContent;
};
