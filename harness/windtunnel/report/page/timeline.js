"use strict";
// Shows the request under the pointer, or the one reached with the arrow keys; the legend's buttons hide a kind.
(() => {
  const drawing = document.getElementById("timeline"), said = document.getElementById("said");
  if (!drawing) return;
  const {texts, rows} = JSON.parse(document.getElementById("requests").textContent);
  const pick = drawing.querySelector(".pick"), hidden = new Set();
  const [X, Y, KIND, DUE, MS, SCENARIO, ROUTE, STATUS, ERROR, LATE, ID] = Array(11).keys();
  const words = {ok: "ok", degraded: "degraded as documented", lost: "answer lost", failed: "failed"};
  let at = -1;

  function show(index) {
    at = index;
    const row = rows[index];
    pick.removeAttribute("hidden");
    pick.setAttribute("cx", row[X]);
    pick.setAttribute("cy", row[Y]);
    const kind = texts[row[KIND]], error = texts[row[ERROR]];
    said.textContent = [
      `${row[DUE].toFixed(2)} s`, `${row[MS]} ms`, `${texts[row[SCENARIO]]}: ${texts[row[ROUTE]]}`,
      row[STATUS] ? `status ${row[STATUS]}` : "no status", words[kind] + (error ? ` (${error})` : ""),
      row[LATE] > 10 ? `sent ${row[LATE]} ms late` : "", row[ID] ? `request ${row[ID]}` : "",
    ].filter(Boolean).join(" · ");
  }

  function nearest(x, y) {
    // Rows are sorted by x: look to both sides until no row can be nearer.
    let low = 0, high = rows.length;
    while (low < high) { const middle = (low + high) >> 1; if (rows[middle][X] < x) low = middle + 1; else high = middle; }
    let best = -1, least = 40 * 40;
    for (const [from, step] of [[low, 1], [low - 1, -1]]) {
      for (let i = from; i >= 0 && i < rows.length; i += step) {
        const across = rows[i][X] - x, along = rows[i][Y] - y;
        if (across * across > least) break;
        if (!hidden.has(texts[rows[i][KIND]]) && across * across + along * along < least) {
          best = i; least = across * across + along * along;
        }
      }
    }
    return best;
  }

  drawing.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    const found = nearest(place.x, place.y);
    if (found >= 0) show(found);
  });
  drawing.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    let next = at < 0 && step < 0 ? rows.length - 1 : at + step;
    while (rows[next] && hidden.has(texts[rows[next][KIND]])) next += step;
    if (rows[next]) show(next);
  });
  for (const button of document.querySelectorAll("button[data-kind]")) {
    button.addEventListener("click", () => {
      const kind = button.dataset.kind, hide = !hidden.has(kind);
      if (hide) hidden.add(kind); else hidden.delete(kind);
      button.setAttribute("aria-pressed", String(!hide));
      drawing.querySelector(`.dots.${kind}`).style.display = hide ? "none" : "";
    });
  }
})();
