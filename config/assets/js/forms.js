// Forms whose answer is put into the page, so that nothing typed is lost.

import htmx from "htmx.org";

import "./app.js";

// The policy allows neither inline styles nor evaluated scripts; a refusal (4xx) is an answer to be shown like any other.
Object.assign(htmx.config, {
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[234]..", swap: true },
    { code: "5..", swap: false, error: true },
  ],
});

// No answer, or one that says that the server broke: send the form the plain way, so that the browser shows what happened.
for (const trouble of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(trouble, (event) => event.detail.elt.submit());
}
