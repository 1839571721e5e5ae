/* Charts: <div data-chart="area|bars|treemap" data-source="id of a json_script">. The tables beneath hold the same
 * numbers. Colours are the page's own (costs.css), read again when the theme changes. Nothing here needs inline styles
 * in HTML, so the content security policy stays as it is. */

const echarts = window.echarts;
const drawn = new Map(); // element: chart

document.documentElement.classList.add("has-charts");

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function money(amount, currency) {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return `${amount.toLocaleString("en", digits)}\u00a0${currency}`;
}

function day(iso, options = { day: "numeric", month: "short" }) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString("en-GB", { ...options, timeZone: "UTC" });
}

function row(cells, css = "chart-tip-row", swatch = "") {
  const line = document.createElement("div");
  line.className = css;
  for (const text of cells) {
    const cell = document.createElement("span");
    cell.textContent = text;
    line.append(cell);
  }
  if (swatch) {
    const square = document.createElement("span");
    square.className = `swatch ${swatch}`;
    line.firstChild.prepend(square);
  }
  return line;
}

function tip(head, rows) {
  const box = document.createElement("div");
  box.className = "chart-tip";
  box.append(row([head], "chart-tip-head"), ...rows);
  return box;
}

function look() {
  const ink = colour("ink-soft");
  const tooltip = {
    confine: true,
    backgroundColor: colour("surface"),
    borderColor: colour("line-strong"),
    textStyle: { color: colour("ink"), fontFamily: "inherit", fontSize: 13 },
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return { ink, line: colour("line"), tooltip, font: getComputedStyle(document.body).fontFamily, still };
}

function days(data, type) {
  const { ink, line, tooltip, font, still } = look();
  const amounts = data.series.map((each) => each.amounts.map(Number));
  const formatter = (points) => {
    const at = points[0].dataIndex;
    const shown = data.series
      .map((each, index) => [each, amounts[index][at]])
      .filter(([, amount]) => amount > 0)
      .map(([each, amount]) =>
        row([each.name, money(amount, data.currency)], "chart-tip-row", `swatch-${each.tone}`),
      );
    const total = amounts.reduce((sum, each) => sum + each[at], 0);
    if (data.series.length > 1) shown.push(row(["Together", money(total, data.currency)], "chart-tip-row chart-tip-head"));
    return tip(day(data.days[at], { weekday: "short", day: "numeric", month: "short" }), shown);
  };
  return {
    animation: !still,
    textStyle: { fontFamily: font },
    tooltip: { ...tooltip, trigger: "axis", formatter },
    grid: { left: 4, right: 8, top: 12, bottom: 0, containLabel: true },
    xAxis: {
      type: "category",
      data: data.days,
      boundaryGap: type === "bar",
      axisLabel: { color: ink, formatter: (iso) => day(iso), hideOverlap: true },
      axisLine: { lineStyle: { color: line } },
      axisTick: { show: false },
    },
    yAxis: {
      type: "value",
      axisLabel: { color: ink, formatter: (amount) => amount.toLocaleString("en") },
      splitLine: { lineStyle: { color: line } },
    },
    series: data.series.map((each, index) => {
      const tone = colour(`chart-${each.tone}`);
      return {
        name: each.name,
        type,
        stack: "all",
        data: amounts[index],
        showSymbol: data.days.length === 1,
        color: tone,
        lineStyle: { width: 1, color: tone },
        areaStyle: type === "line" ? { color: tone, opacity: 0.75 } : undefined,
        emphasis: { focus: "series" },
      };
    }),
  };
}

function treemap(data) {
  const { ink, line, tooltip, font, still } = look();
  const ground = colour("surface");
  const node = (each, tone) => ({
    name: each.name,
    value: Number(each.value),
    url: each.url,
    children: each.children?.map((child) => node(child, tone)),
    itemStyle: each.children ? undefined : { color: tone },
  });
  const nodes = data.nodes.map((each) => node(each, colour(`chart-${each.tone}`)));
  const heading = { show: true, height: 22, color: ink, fontWeight: 600, overflow: "truncate" };
  const frame = (tone, width) => ({ itemStyle: { color: ground, borderColor: tone, borderWidth: width, gapWidth: 2 } });
  return {
    animation: !still,
    textStyle: { fontFamily: font },
    tooltip: {
      ...tooltip,
      formatter: (point) => {
        const path = point.treePathInfo.slice(1).map((each) => each.name);
        return tip(path.join(" › "), [row(["", money(point.value, data.currency)])]);
      },
    },
    series: [
      {
        type: "treemap",
        name: "Everything",
        data: nodes,
        roam: false,
        nodeClick: "zoomToNode",
        left: 0,
        right: 0,
        top: 0,
        bottom: 32,
        breadcrumb: {
          bottom: 0,
          itemStyle: { color: colour("surface-sunk"), borderColor: colour("line"), textStyle: { color: colour("ink") } },
          emphasis: { itemStyle: { color: colour("accent-soft") } },
        },
        label: { color: colour("chart-label"), overflow: "truncate" },
        levels: [
          { ...frame(ground, 0), upperLabel: { show: false } },
          { ...frame(line, 1), upperLabel: heading },
          { ...frame(line, 1), upperLabel: { ...heading, fontWeight: 400 } },
          { itemStyle: { borderWidth: 0 } },
        ],
      },
    ],
  };
}

const OPTIONS = {
  area: (data) => days(data, "line"),
  bars: (data) => days(data, "bar"),
  treemap,
};

function draw(element) {
  const data = JSON.parse(document.getElementById(element.dataset.source).textContent);
  const chart = drawn.get(element) ?? echarts.init(element, null, { renderer: "canvas" });
  chart.setOption(OPTIONS[element.dataset.chart](data), true);
  if (drawn.has(element)) return;
  drawn.set(element, chart);
  chart.on("click", (point) => {
    if (point.data?.url) window.location.assign(point.data.url);
  });
  new ResizeObserver(() => chart.resize()).observe(element);
}

function drawAll(root = document) {
  for (const element of root.querySelectorAll("[data-chart]")) draw(element);
}

function forgetGone() {
  for (const [element, chart] of drawn) {
    if (element.isConnected) continue;
    chart.dispose();
    drawn.delete(element);
  }
}

document.addEventListener("htmx:load", (event) => {
  forgetGone();
  drawAll(event.detail.elt.parentElement ?? document);
});
new MutationObserver(() => drawAll()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
drawAll();
