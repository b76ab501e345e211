"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent), words = data.words;
  const tip = document.getElementById("tip"), BOTTOM = 18, views = [];
  const LEFT = window.innerWidth < 640 ? 66 : 112; /* room for numbers and names of channels */
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const short = (v) => (v === null || v === undefined ? "-" : Number(v).toPrecision(4).replace(/\.?0+($|e)/, "$1"));
  const iso = (s) => new Date(s * 1000).toISOString();
  const when = (one, t) => (one.dates ? iso(t).slice(0, 19).replace("T", " ") : short(t));

  /* ticks: round numbers, or round times */
  function ticks(one, a, b, most) {
    const units = one.dates ? [1, 5, 15, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 5184000, 7776000, 15552000, 31536000] : [];
    let step = units.find((u) => (b - a) / u <= most);
    if (!step) {
      const raw = (b - a) / most || 1, power = Math.pow(10, Math.floor(Math.log10(raw)));
      step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
    }
    const found = [];
    for (let t = Math.ceil(a / step) * step; t <= b && found.length < 50; t += step) found.push([t, label(one, t, step)]);
    return found;
  }
  function label(one, t, step) {
    if (!one.dates) return String(Number(t.toPrecision(6)));
    const text = iso(t);
    return step >= 86400 ? text.slice(0, 10) : step >= 60 ? text.slice(5, 16).replace("T", " ") : text.slice(11, 19);
  }

  function View(root) {
    const one = data.series[Number(root.dataset.place)];
    const self = { root: root, from: one.first, to: one.last };
    const whole = one.last - one.first || 1;
    const times = one.times.map((t) => t + one.first), heatTimes = one.heat.times.map((t) => t + one.first);
    one.detail.forEach((d) => { d.at = d.times.map((t) => t + one.first); });
    const least = Math.max(whole / 1e6, (times[1] - times[0] || 1) / (one.detail.length ? 50 : 4));
    const width = () => root.querySelector("canvas").clientWidth;
    const x = (t) => LEFT + (t - self.from) / (self.to - self.from || 1) * (width() - LEFT - 6);
    const time = (px) => self.from + (px - LEFT) / (width() - LEFT - 6) * (self.to - self.from);
    const first = (list, t) => { let a = 0, b = list.length; while (a < b) { const m = (a + b) >> 1; if (list[m] < t) a = m + 1; else b = m; } return a; };

    /* the steps of a channel in the range: those around an event where they hold all of it, else bins */
    function points(k) {
      const close = one.detail.find((d) => d.at[0] <= self.from && d.at[d.at.length - 1] >= self.to && d.channels[k]);
      const source = close ? close.channels[k] : one.channels[k], at = close ? close.at : times;
      return { at: at, min: source.min, max: source.max || source.min, low: source.low, high: source.high,
        a: Math.max(first(at, self.from) - 1, 0), b: Math.min(first(at, self.to) + 1, at.length) };
    }
    function open(canvas) {
      const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
      canvas.width = w * ratio; canvas.height = h * ratio;
      const g = canvas.getContext("2d");
      g.scale(ratio, ratio); g.font = "10.5px system-ui,sans-serif"; g.fillStyle = colour("red"); g.globalAlpha = 0.14;
      one.events.forEach((e) => {
        if (e[1] < self.from || e[0] > self.to) return;
        const a = Math.max(x(e[0]), LEFT), b = Math.min(x(e[1]), w - 6);
        g.fillRect(a - 1, 2, Math.max(b - a, 1) + 2, h - BOTTOM - 2);
      });
      g.globalAlpha = 1; g.fillStyle = colour("warn");
      one.labelled.forEach((e) => {
        if (e[1] < self.from || e[0] > self.to || canvas.dataset.heat) return;
        const a = Math.max(x(e[0]), LEFT), b = Math.min(x(e[1]), w - 6);
        g.fillRect(a, 0, Math.max(b - a, 2), 4);
      });
      g.strokeStyle = colour("line"); g.fillStyle = colour("soft"); g.textAlign = "center";
      ticks(one, self.from, self.to, Math.max(2, Math.floor(w / 130))).forEach((t) => {
        const at = x(t[0]);
        if (at < LEFT) return;
        g.beginPath(); g.moveTo(at, 2); g.lineTo(at, h - BOTTOM); g.stroke();
        g.textAlign = at > w - 50 ? "right" : "center"; g.fillText(t[1], Math.min(at, w - 4), h - 4);
      });
      g.textAlign = "right";
      return [g, w, h];
    }
    function scale(g, low, high, h) {
      if (!(high > low)) { low -= 0.5; high += 0.5; }
      const room = 0.06 * (high - low), y = (v) => 4 + (high + room - v) / (high - low + 2 * room) * (h - BOTTOM - 6);
      g.fillText(short(high), LEFT - 4, y(high) + 6); g.fillText(short(low), LEFT - 4, y(low));
      return y;
    }
    /* a name in the room that there is, less its middle: channels differ at their ends */
    function fitting(g, name) {
      let kept = name.length;
      const cut = () => (kept < name.length ? name.slice(0, Math.ceil(kept / 2)) + "…" + name.slice(name.length - Math.floor(kept / 2)) : name);
      while (kept > 2 && g.measureText(cut()).width > LEFT - 6) kept--;
      return cut();
    }
    function clip(g, w, h) { g.save(); g.beginPath(); g.rect(LEFT, 0, w - LEFT - 6, h - BOTTOM); g.clip(); }

    function signal(canvas, k) {
      const [g, w, h] = open(canvas), p = points(k);
      let low = Infinity, high = -Infinity;
      for (let i = p.a; i < p.b; i++) [p.min[i], p.max[i], p.low[i], p.high[i]].forEach((v) => { if (v !== null) { low = Math.min(low, v); high = Math.max(high, v); } });
      if (low > high) return;
      const y = scale(g, low, high, h);
      clip(g, w, h);
      g.fillStyle = colour("blue"); g.globalAlpha = 0.2; g.beginPath();
      for (let i = p.a; i < p.b; i++) g.lineTo(x(p.at[i]), y(p.high[i]));
      for (let i = p.b - 1; i >= p.a; i--) g.lineTo(x(p.at[i]), y(p.low[i]));
      g.fill(); g.globalAlpha = 1; g.strokeStyle = colour("ink"); g.lineWidth = 1.1; g.beginPath();
      let pen = false;
      for (let i = p.a; i < p.b; i++) {
        if (p.min[i] === null) { pen = false; continue; }
        const at = x(p.at[i]);
        if (pen) g.lineTo(at, y(p.min[i])); else g.moveTo(at, y(p.min[i]));
        if (p.max[i] !== p.min[i]) g.lineTo(at, y(p.max[i]));
        pen = true;
      }
      g.stroke(); g.strokeStyle = colour("red"); g.lineWidth = 2; g.beginPath();
      for (let i = p.a; i < p.b; i++) {  /* in red where a value is outside its band, within an event */
        if (p.min[i] === null || !one.events.some((e) => p.at[i] >= e[0] && p.at[i] <= e[1])) continue;
        const out = p.max[i] > p.high[i] ? p.max[i] : p.min[i] < p.low[i] ? p.min[i] : null;
        if (out !== null) { g.moveTo(x(p.at[i]) + 2, y(out)); g.arc(x(p.at[i]), y(out), 2, 0, 7); }
      }
      g.stroke(); g.restore();
    }
    function score(canvas) {
      const [g, w, h] = open(canvas), a = Math.max(first(times, self.from) - 1, 0), b = Math.min(first(times, self.to) + 1, times.length);
      const high = Math.max(...one.score.slice(a, b)), y = scale(g, Math.min(0, ...one.score.slice(a, b)), high, h);
      clip(g, w, h); g.strokeStyle = colour("red"); g.lineWidth = 1.2; g.beginPath();
      for (let i = a; i < b; i++) g.lineTo(x(times[i]), y(one.score[i]));
      g.stroke(); g.restore();
    }
    function heat(canvas) {
      const names = one.heat.channels, each = Math.max(11, Math.min(18, 260 / names.length));
      canvas.style.height = names.length * each + BOTTOM + "px";
      const [g, w, h] = open(canvas);
      g.fillStyle = colour("card"); g.fillRect(LEFT, 0, w - LEFT - 6, h - BOTTOM);
      names.forEach((name, k) => {
        g.fillStyle = colour("soft"); g.fillText(fitting(g, name), LEFT - 4, (k + 0.8) * each);
        g.fillStyle = colour("red");
        one.heat.cells[k].forEach((cell, i) => {
          const a = heatTimes[i], b = i + 1 < heatTimes.length ? heatTimes[i + 1] : one.last;
          if (!cell || b < self.from || a > self.to) return;
          g.globalAlpha = cell / 99;
          const at = Math.max(x(a), LEFT);
          g.fillRect(at, k * each, Math.max(Math.min(x(b), w - 6) - at, 1), each - 1);
        });
        g.globalAlpha = 1;
      });
    }
    self.draw = function () {
      root.querySelectorAll("canvas").forEach((c) => {
        if (c.dataset.score) score(c); else if (c.dataset.heat) heat(c); else signal(c, Number(c.dataset.channel));
      });
      root.querySelector("output").textContent = when(one, self.from) + " – " + when(one, self.to);
    };
    self.zoom = function (from, to) {
      let span = Math.min(Math.max(to - from, least), whole), middle = (from + to) / 2;
      self.from = Math.min(Math.max(middle - span / 2, one.first), one.last - span);
      self.to = self.from + span;
      self.draw();
    };
    const by = (factor, at) => self.zoom(at - (at - self.from) * factor, at + (self.to - at) * factor);
    const shift = (part) => self.zoom(self.from + part * (self.to - self.from), self.to + part * (self.to - self.from));
    const middle = () => (self.from + self.to) / 2;
    const actions = { in: () => by(0.5, middle()), out: () => by(2, middle()), left: () => shift(-0.4), right: () => shift(0.4), all: () => self.zoom(one.first, one.last) };
    root.querySelectorAll("button").forEach((b) => b.addEventListener("click", actions[b.dataset.do]));
    root.addEventListener("keydown", (e) => {
      const action = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", "0": "all", Escape: "all" }[e.key];
      if (action && !e.ctrlKey && !e.metaKey) { e.preventDefault(); actions[action](); }
    });
    root.querySelectorAll("canvas").forEach((canvas) => {
      let start = null;
      canvas.addEventListener("pointerdown", (e) => { start = e.offsetX; });
      canvas.addEventListener("pointerup", (e) => {
        if (start !== null && Math.abs(e.offsetX - start) > 8) self.zoom(time(Math.min(start, e.offsetX)), time(Math.max(start, e.offsetX)));
        start = null;
      });
      canvas.addEventListener("dblclick", actions.all);
      canvas.addEventListener("wheel", (e) => { if (e.ctrlKey || e.shiftKey) { e.preventDefault(); by((e.deltaY || e.deltaX) > 0 ? 1.3 : 0.77, time(e.offsetX)); } }, { passive: false });
      canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
      canvas.addEventListener("pointermove", (e) => {
        if (e.offsetX < LEFT) { tip.hidden = true; return; }
        const t = time(e.offsetX);
        let told = when(one, t);
        if (canvas.dataset.channel) {
          const p = points(Number(canvas.dataset.channel)), i = Math.min(Math.max(first(p.at, t), 0), p.at.length - 1);
          const value = p.max[i] !== p.min[i] ? short(p.min[i]) + " … " + short(p.max[i]) : short(p.min[i]);
          told = when(one, p.at[i]) + ": " + words.value + " " + value + "; " + words.typical + " " + short(p.low[i]) + " … " + short(p.high[i]);
        } else if (canvas.dataset.score) {
          told += ": " + words.score + " " + short(one.score[Math.min(first(times, t), times.length - 1)]);
        } else {
          const names = one.heat.channels, k = Math.floor(e.offsetY / ((canvas.clientHeight - BOTTOM) / names.length));
          if (names[k]) told += ": " + names[k] + " " + words.share + " " + one.heat.cells[k][Math.max(first(heatTimes, t) - 1, 0)] + " %";
        }
        tip.textContent = told; tip.hidden = false;
        tip.style.left = Math.min(e.clientX + 12, window.innerWidth - 330) + "px"; tip.style.top = e.clientY + 14 + "px";
      });
    });
    return self;
  }

  document.querySelectorAll(".series").forEach((root) => { const view = View(root); views.push(view); view.draw(); });
  document.querySelectorAll("#events a").forEach((a) => a.addEventListener("click", () => {
    const from = Number(a.dataset.from), to = Number(a.dataset.to), view = views[Number(a.dataset.place)];
    const one = data.series[Number(a.dataset.place)], room = Math.max(to - from, (one.last - one.first) / one.steps * 40);
    view.zoom(from - room, to + room);
  }));
  const again = () => views.forEach((v) => v.draw());
  let waiting = 0;
  window.addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(again); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("beforeprint", again);
})();
