// The box in a table's head ticks every row's.
"use strict";
(() => {
  for (const all of document.querySelectorAll("[data-tick-all]")) {
    const own = () => [...all.closest("table").querySelectorAll("tbody input[type=checkbox]")];
    all.addEventListener("change", () => own().forEach((box) => (box.checked = all.checked)));
    all.closest("table").addEventListener("change", (event) => {
      if (event.target !== all) all.checked = own().every((box) => box.checked);
    });
  }
})();
