"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const words = data.words, slider = data.slider, edges = data.edges;
  const $ = (id) => document.getElementById(id);
  const percent = (a, b) => (b ? (100 * a / b).toFixed(1) + " %" : "-");
  const number = (n) => n.toLocaleString("en-US");

  /* threshold */
  const input = $("cut");
  function moved(event) {
    const i = Number(input.value), count = slider.count[i], cut = slider.cut[i];
    $("o-count").textContent = number(count);
    $("o-share").textContent = percent(count, slider.rows);
    const told_by = event || slider.by_score; /* at first the verdict may be no matter of a score */
    $("o-cut").textContent = count && told_by ? cut.toPrecision(5) : "-";
    let told = number(count) + " / " + number(slider.rows);
    if (slider.hits) {
      const hits = event ? slider.hits[i] : slider.own_hits, alarms = event ? slider.alarms[i] : slider.own_alarms;
      $("o-precision").textContent = percent(hits, hits + alarms);
      $("o-recall").textContent = percent(hits, slider.anomalies);
      told += ", " + words.precision + " " + percent(hits, hits + alarms) + ", " + words.recall + " " + percent(hits, slider.anomalies);
    }
    input.setAttribute("aria-valuetext", told);
    if (event) { /* at first, all is as the verdict has it, which need not be by the score alone */
      document.querySelectorAll("#rows > tbody > tr").forEach((r) => r.classList.toggle("flag", Number(r.dataset.score) >= cut));
      document.querySelectorAll("#map .dot").forEach((d) => d.classList.toggle("hot", Number(d.dataset.s) >= cut));
    }
    const line = $("cutline");
    if (line && edges.length) {
      const f = (v) => (data.log ? Math.log(v) : v), low = f(edges[0]), high = f(edges[edges.length - 1]);
      const at = Math.min(1, Math.max(0, (f(Math.max(cut, edges[0])) - low) / (high - low || 1)));
      line.setAttribute("d", !told_by ? "" : "M" + (46 + at * 502) + " 20V206");
    }
  }
  if (input) { input.addEventListener("input", moved); moved(); }

  /* sort and search */
  const table = $("rows"), search = $("search");
  if (table) {
    const body = table.tBodies[0];
    table.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => {
      const head = button.parentElement, down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th").forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => { const cell = row.cells[head.cellIndex]; return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v); };
      const rows = Array.from(body.rows);
      rows.sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1); });
      rows.forEach((r) => body.appendChild(r));
    }));
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      Array.from(body.rows).forEach((r) => { const on = r.textContent.toLowerCase().includes(wanted); r.hidden = !on; shown += on; });
      $("found").textContent = wanted ? number(shown) + " / " + number(body.rows.length) : "";
    });
  }

  /* map */
  const map = $("map");
  if (map) {
    const tip = $("tip");
    const show = (dot, x, y) => {
      const row = data.told[dot.dataset.r];
      tip.textContent = words.row.replace("{row}", dot.dataset.r) + ", " + words.score + " " + Number(dot.dataset.s).toPrecision(4) + (row ? ": " + row : "");
      tip.hidden = false;
      tip.style.left = Math.min(x + 12, window.innerWidth - 330) + "px";
      tip.style.top = (y + 14) + "px";
    };
    map.addEventListener("pointermove", (e) => { if (e.target.classList.contains("dot")) show(e.target, e.clientX, e.clientY); else tip.hidden = true; });
    map.addEventListener("pointerleave", () => { tip.hidden = true; });
    map.addEventListener("click", (e) => {
      if (!e.target.classList.contains("dot")) return;
      const row = document.getElementById("r" + e.target.dataset.r);
      if (row) { row.scrollIntoView({ block: "center" }); row.focus(); }
    });
  }
  window.addEventListener("beforeprint", () => document.querySelectorAll("#groups details").forEach((d) => { d.open = true; }));
})();
