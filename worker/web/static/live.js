// What changes without a click: a form's verdict as it is typed, a table while a job runs, a long discarding.
"use strict";
(() => {
  // A form with data-live: what it would come to is asked for a moment after each change and shown in #verdict.
  for (const form of document.querySelectorAll("form[data-live]")) {
    const target = document.getElementById("verdict");
    let timer = 0;
    let asked = 0;
    const ask = async () => {
      const mine = ++asked;
      const data = new URLSearchParams(new FormData(form));
      try {
        const answer = await fetch(form.dataset.live, { method: "POST", body: data, headers: { Accept: "text/html" } });
        const text = await answer.text();
        // An answer that was overtaken says nothing about what stands there now.
        if (mine !== asked) return;
        if (answer.ok) target.innerHTML = text;
        else target.textContent = `The check failed (${answer.status}). Reload the page.`;
      } catch {
        if (mine === asked) target.textContent = "The server does not answer.";
      }
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 300);
    });
  }

  // A part with data-poll is fetched anew while it shows something that runs.
  for (const part of document.querySelectorAll("[data-poll]")) {
    const again = () => {
      if (part.querySelector("[data-running]")) setTimeout(fetchIt, 1000);
    };
    const fetchIt = async () => {
      try {
        const answer = await fetch(part.dataset.poll, { headers: { Accept: "text/html" } });
        // A button that has the focus must not be taken away from under a finger.
        if (answer.ok && !part.contains(document.activeElement)) part.innerHTML = await answer.text();
      } catch {
        // The next round asks again.
      }
      again();
    };
    again();
  }

  // A discarding of very many goes on by itself, a part at a time, until Stop is pressed.
  const goOn = document.querySelector("form[data-go-on]");
  if (goOn) setTimeout(() => goOn.requestSubmit(), 200);
})();
