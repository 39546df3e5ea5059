// Charts of the overview: asks for the figures every two seconds and draws them as SVG.
"use strict";
(() => {
  const place = document.querySelector("[data-charts]");
  if (!place) return;

  const EVERY_MS = 2000;
  const LIVE_POINTS = 150;
  const HEIGHT = 150;
  const EDGE = { left: 52, right: 8, top: 10, bottom: 22 };
  const SVG = "http://www.w3.org/2000/svg";

  const count = (value) => Math.round(value).toLocaleString("en");
  const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms / 1000));
  // Beside an axis there is room for one unit.
  const brief = (ms) => {
    const [size, unit] = [[86400000, "d"], [3600000, "h"], [60000, "min"]].find(([each]) => ms >= each) ?? [0, ""];
    return size ? `${ms < 10 * size ? +(ms / size).toFixed(1) : Math.round(ms / size)} ${unit}` : seconds(ms);
  };
  // In UTC as everything else here: logs, dead letters and filters are compared with it.
  const clock = (unix) => new Date(unix * 1000).toISOString().slice(11, 16);
  const moment = (unix) => `${new Date(unix * 1000).toISOString().slice(11, 19)} UTC`;

  const duration = (total) => {
    const parts = [];
    let left = Math.max(0, Math.round(total));
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      if (left >= size) parts.push(`${Math.floor(left / size)} ${unit}`);
      left %= size;
    }
    return parts.slice(0, 2).join(" ") || "0 s";
  };

  // Chart: its lines, each with its name in the figures, and how a value reads.
  const CHARTS = {
    throughput: { lines: [["delivered", "delivered"]], read: count, unit: { hour: "this minute", live: "a second" } },
    latency: { lines: [["p50_ms", "half within"], ["p95_ms", "95 % within"]], read: seconds, mark: brief, unit: { hour: "", live: "" } },
    backlog: { lines: [["backlog", "waiting"]], read: count, unit: { hour: "", live: "" } },
    failures: { lines: [["failed", "failed"]], read: count, unit: { hour: "this minute", live: "a second" } },
  };

  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // The next 1, 2 or 5 times a power of ten.
  const ceiling = (value) => {
    if (value <= 1) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
  };

  // A path through the points that there are; where one is missing the line is interrupted.
  const path = (values, x, y) => {
    let drawn = "";
    let on = false;
    values.forEach((value, at) => {
      if (value !== null) drawn += `${on ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      on = value !== null;
    });
    return drawn;
  };

  const latest = (values) => values.findLast((value) => value !== null);

  const draw = (figure, kind, times, series, span) => {
    const { lines, read, mark, unit } = CHARTS[kind];
    const width = Math.max(200, figure.clientWidth - 32);
    const all = lines.flatMap(([name]) => series[name]).filter((value) => value !== null);
    const top = ceiling(Math.max(0, ...all));
    const x = (at) => EDGE.left + (at * (width - EDGE.left - EDGE.right)) / Math.max(1, times.length - 1);
    const y = (value) => HEIGHT - EDGE.bottom - (value * (HEIGHT - EDGE.top - EDGE.bottom)) / top;
    const told = lines
      .map(([name, label]) => [label, latest(series[name])])
      .map(([label, value]) => `${label} ${value === undefined ? "nothing yet" : `${read(value)} ${unit[span]}`.trim()}`)
      .join(", ");
    const title = figure.querySelector("h2").textContent;
    const highest = all.length ? `, at most ${read(Math.max(...all))}` : "";
    const svg = element("svg", { role: "img", height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-label": `${title}: ${told}${highest}` });
    // Half an event is none: where the figures are whole, so are the marks.
    const marks = read === count && top % 2 ? [0, top] : [0, top / 2, top];
    for (const value of marks) {
      svg.append(element("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
      svg.append(element("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, (mark ?? read)(value)));
    }
    if (times.length) {
      svg.append(element("text", { x: EDGE.left, y: HEIGHT - 4 }, clock(times[0])));
      svg.append(element("text", { x: width - EDGE.right, y: HEIGHT - 4, "text-anchor": "end" }, clock(times.at(-1))));
    }
    lines.forEach(([name], number) => {
      svg.append(element("path", { class: `line line-${number}`, d: path(series[name], x, y) }));
      const last = series[name].findLastIndex((value) => value !== null);
      if (last >= 0) svg.append(element("circle", { class: `dot-${number}`, cx: x(last), cy: y(series[name][last]), r: 3 }));
    });
    figure.querySelector("svg")?.remove();
    figure.append(svg);
    figure.querySelector("[data-latest]").textContent = told;
  };

  const sparkline = (values) => {
    const [width, height] = [120, 28];
    const top = Math.max(1, ...values);
    const svg = element("svg", { class: "spark", role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": `${count(values.at(-1) ?? 0)} this minute, at most ${count(Math.max(0, ...values))}` });
    const x = (at) => 1 + (at * (width - 2)) / Math.max(1, values.length - 1);
    svg.append(element("path", { class: "line line-0", d: path(values, x, (value) => height - 3 - (value * (height - 6)) / top) }));
    return svg;
  };

  const READ = { oldest_seconds: duration };

  const fill = (destination) => {
    const row = document.querySelector(`[data-destination="${CSS.escape(destination.name)}"]`);
    if (!row) return;
    // Somebody paused or resumed it since this page was made: the button is another then. Not while a person writes here.
    const changed = told.now > Number(place.dataset.asOf) && row.dataset.paused !== String(destination.state.paused);
    if (changed && !document.querySelector("main details[open] input")) location.reload();
    for (const cell of row.querySelectorAll("[data-field]")) {
      const name = cell.dataset.field;
      if (name === "spark") {
        cell.replaceChildren(sparkline(destination.spark));
      } else if (name === "state") {
        const badge = cell.querySelector(".badge");
        badge.textContent = destination.state.text;
        badge.className = `badge ${destination.state.kind}`;
        const story = cell.querySelector("[data-story]");
        if (story) story.textContent = destination.state.story;
      } else {
        cell.textContent = (READ[name] ?? count)(destination[name]);
      }
    }
  };

  // What was seen since the page was opened, a point an answer.
  const live = { times: [], delivered: [], failed: [], backlog: [], p50_ms: [], p95_ms: [] };
  let before = null;

  const note = (told) => {
    const sum = (name) => told.destinations.reduce((all, each) => all + each[name], 0);
    const now = { at: told.now, delivered: sum("delivered"), failed: sum("failed") };
    const passed = before ? now.at - before.at : 0;
    if (before && passed > 0) {
      live.times.push(now.at);
      for (const name of ["delivered", "failed"]) live[name].push(Math.max(0, (now[name] - before[name]) / passed));
      live.backlog.push(sum("waiting"));
      for (const name of ["p50_ms", "p95_ms"]) live[name].push(told.series[name].at(-1));
      for (const values of Object.values(live)) if (values.length > LIVE_POINTS) values.shift();
    }
    if (!before || passed > 0) before = now;
  };

  const freshness = place.querySelector("[data-freshness]");
  let span = "hour";
  let told = null;

  const show = () => {
    if (!told) return;
    // The running minute's backlog is what waits now, whoever looked last.
    const series = { ...told.series, backlog: [...told.series.backlog.slice(0, -1), told.destinations.reduce((all, each) => all + each.waiting, 0)] };
    for (const figure of place.querySelectorAll("[data-chart]")) {
      if (span === "hour") draw(figure, figure.dataset.chart, told.minutes, series, span);
      else draw(figure, figure.dataset.chart, live.times, live, span);
    }
  };

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.charts, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      told = await answer.json();
    } catch (error) {
      freshness.textContent = told ? `No answer since ${moment(told.now)} (${error.message})` : `No answer (${error.message})`;
      freshness.className = "stale";
      return;
    }
    freshness.textContent = `As of ${moment(told.now)}`;
    freshness.className = "muted";
    note(told);
    told.destinations.forEach(fill);
    show();
  };

  for (const button of place.querySelectorAll("[data-span]")) {
    button.addEventListener("click", () => {
      span = button.dataset.span;
      for (const each of place.querySelectorAll("[data-span]")) each.setAttribute("aria-pressed", String(each === button));
      show();
    });
  }
  window.addEventListener("resize", show);

  const loop = async () => {
    await ask();
    setTimeout(loop, EVERY_MS);
  };
  loop();
})();
