"use strict";
// Shows the request under the pointer, or the one reached with the arrow keys; the legend's buttons hide a kind.
(() => {
  const drawing = document.getElementById("timeline"), said = document.getElementById("said");
  if (!drawing) return;
  const data = JSON.parse(document.getElementById("requests").textContent);
  const {first, last, low, high, kinds, prefix} = data, [left, right, top, floor] = data.box, rows = [];
  let due = 0;  // written as steps from one request to the next
  (data.flat.length ? data.ids.split(" ") : []).forEach((id, i) => {
    due += data.flat[3 * i];
    rows.push([due, data.flat[3 * i + 1], data.flat[3 * i + 2], id, data.late[i]]);
  });
  const pick = drawing.querySelector(".pick"), hidden = new Set();
  const words = {ok: "ok", degraded: "degraded as documented", lost: "answer lost", failed: "failed"};
  const x = (row) => left + (right - left) * (row[0] / 1000 - first) / (last - first);
  const y = (row) => {
    const seconds = Math.min(Math.max(row[1] / 1e4, low), high);
    return floor - (floor - top) * Math.log(seconds / low) / Math.log(high / low);
  };
  const isHidden = (row) => hidden.has(kinds[row[2]][0]);
  let at = -1;

  function show(index) {
    at = index;
    const row = rows[index], [, , , id, late] = row, [kind, scenario, route, status, error] = kinds[row[2]];
    pick.removeAttribute("hidden");
    pick.setAttribute("cx", x(row));
    pick.setAttribute("cy", y(row));
    said.textContent = [
      `${(row[0] / 1000).toFixed(2)} s`, `${row[1] / 10} ms`, `${scenario}: ${route}`,
      status ? `status ${status}` : "no status", words[kind] + (error ? ` (${error})` : ""),
      late ? `sent ${late} ms late` : "", prefix + id ? `request ${prefix}${id}` : "",
    ].filter(Boolean).join(" · ");
  }

  function nearest(px, py) {
    // Rows are in order of time, so of x: look to both sides until no row can be nearer.
    let from = 0, to = rows.length;
    while (from < to) { const middle = (from + to) >> 1; if (x(rows[middle]) < px) from = middle + 1; else to = middle; }
    let best = -1, least = 40 * 40;
    for (const [begin, step] of [[from, 1], [from - 1, -1]]) {
      for (let i = begin; i >= 0 && i < rows.length; i += step) {
        const across = x(rows[i]) - px, along = y(rows[i]) - py;
        if (across * across > least) break;
        if (!isHidden(rows[i]) && across * across + along * along < least) {
          best = i;
          least = across * across + along * along;
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
    while (rows[next] && isHidden(rows[next])) next += step;
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
