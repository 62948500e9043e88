"use strict";
// The filters of long tables. Without this script all rows are there.
for (const group of document.querySelectorAll(".group")) {
  const input = group.querySelector("input"), rows = [...group.querySelectorAll("tbody tr")];
  if (rows.length < 12) continue;
  const texts = rows.map((row) => [...row.querySelectorAll(".name")].map((cell) => cell.textContent).join(" ").toLowerCase());
  input.hidden = false;
  input.addEventListener("input", () => {
    const want = input.value.trim().toLowerCase();
    rows.forEach((row, i) => { row.hidden = !texts[i].includes(want); });
  });
}
document.documentElement.dataset.ready = String(document.querySelectorAll("tbody tr").length);
