// Keyboard: g then a letter goes to a page, / to the first field, j and k through rows, ? lists it all.
"use strict";
(() => {
  const dialog = document.getElementById("shortcuts");
  let afterG = false;

  const typing = (target) => target.matches("input, textarea, select, [contenteditable]");

  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
    if (!row) return;
    const inside = row.querySelector("a, button, summary, input");
    if (!inside) row.tabIndex = -1;
    (inside || row).focus();
    row.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog.open) return;
    if (afterG) {
      afterG = false;
      const link = document.querySelector(`[data-goto="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (event.key === "g") {
      afterG = true;
    } else if (event.key === "?") {
      dialog.showModal();
    } else if (event.key === "/") {
      const field = document.querySelector("main [data-first], main input:not([type=hidden]), main textarea");
      if (!field) return;
      event.preventDefault();
      field.focus();
    } else if (event.key === "j") {
      step(1);
    } else if (event.key === "k") {
      step(-1);
    }
  });

  document.querySelector("[data-shortcuts]").addEventListener("click", () => dialog.showModal());
})();
