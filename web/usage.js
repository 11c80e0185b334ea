/* What a VM has used, in graphs by uPlot: they come when they are opened, and go on by
 * themselves. */
import {ask, gib, html, Told, useEffect, useRef, useState} from "./app.js";
import UPlot from "./lib/uplot.js";

const least_ms = 10000, height = 150;

await new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("./lib/uplot.css", import.meta.url).href;
    link.onload = link.onerror = done;
    document.head.append(link);
});

const rate = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB"];
    let number = bytes, unit = 0;
    for (; number >= 1024 && unit + 1 < units.length; unit++)
        number /= 1024;
    return `${number < 10 && unit ? number.toFixed(1) : Math.round(number)} ${units[unit]}/s`;
};

/* A graph: its lines by their words, how a number of them is said, and how high it is at least. */
const graphs = [
    {title: "CPU", lines: {"of one processor": "cpu_permille"}, least: 100,
        show: (n) => `${n / 10} %`},
    {title: "Memory", lines: {"given by the host": "memory_mib"}, least: 64,
        show: (n) => n ? gib(Math.round(n)) : "0"},
    {title: "Disk", lines: {read: "disk_read", written: "disk_written"}, least: 1024, show: rate},
    {title: "Networks", lines: {received: "net_received", sent: "net_sent"}, least: 1024,
        show: rate},
];

const minutes = new Intl.DateTimeFormat(undefined, {timeStyle: "short"});
const seconds = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"});

function times({scales}, all) {
    const is_long = scales.x.max - scales.x.min > 600;
    return all.map((at) => (is_long ? minutes : seconds).format(at * 1000));
}

/* By column, as uPlot wants them: where nothing was told for long, the line ends. */
function columns(marks, names, every_seconds) {
    const long_s = 15 * every_seconds, all = [[], ...names.map(() => [])];
    marks.forEach(({at_ms: at, usage = {}}, i) => {
        const before = i && marks[i - 1].at_ms;
        if (before && at - before > long_s * 1000)
            [(at + before) / 2000, ...names.map(() => null)].forEach((n, k) => all[k].push(n));
        [at / 1000, ...names.map((name) => usage[name] || 0)].forEach((n, k) => all[k].push(n));
    });
    return all;
}

function Graph({title, lines, least, show, marks, every}) {
    const self = useRef(), host = useRef(), plot = useRef();
    const names = Object.values(lines), words = Object.keys(lines);
    const newest = marks[marks.length - 1].usage || {};
    useEffect(() => {
        const style = (of) => getComputedStyle(self.current.querySelector(of)); // by the theme
        const edge = {stroke: () => style(".plot").borderTopColor, width: 1};
        const axis = {stroke: () => style(".plot").color, space: 90, grid: edge, ticks: edge,
            font: "12px system-ui, sans-serif"};
        plot.current = new UPlot({width: host.current.clientWidth, height, legend: {show: false},
            padding: [8, 34, 0, 0],
            cursor: {show: false}, axes: [{...axis, values: times}, {...axis, size: 80, space: 30,
                values: (_, all) => all.map((n) => n === null ? "" : show(n))}],
            scales: {y: {range: (_, low, high) => [0, Math.max(high * 1.1, least)]}},
            series: [{}, ...names.map((_, i) => ({stroke: () => style(`.line-${i}`).color, width: 2,
                dash: i ? [6, 4] : [], points: {show: marks.length < 3}}))],
        }, columns(marks, names, every), host.current);
        const sizes = new ResizeObserver(() =>
            plot.current.setSize({width: host.current.clientWidth, height}));
        const themes = new MutationObserver(() => plot.current.redraw());
        sizes.observe(host.current);
        themes.observe(document.documentElement, {attributeFilter: ["data-theme"]});
        return () => {
            sizes.disconnect();
            themes.disconnect();
            plot.current.destroy();
        };
    }, []);
    useEffect(() => plot.current.setData(columns(marks, names, every)), [marks]);
    return html`<figure class="graph" ref=${self}><figcaption><strong>${title}</strong>
        ${words.map((word, i) => html`<span class="line-${i}">${word}
            ${" "}${show(newest[names[i]] || 0)}</span>`)}</figcaption>
        <div class="plot" ref=${host} role="img" aria-label=${`${title} over time`}></div>
        </figure>`;
}

export default function Usage({vm}) {
    const [told, tell] = useState({graph: null, refusal: null});
    const {marks, every_seconds: every = 0} = told.graph || {};
    useEffect(() => {
        const more = () => document.hidden || ask("GET", `/v1/vms/${vm.id}/usage`).then(
            (graph) => tell({graph, refusal: null}),
            (refusal) => tell((before) => ({...before, refusal})));
        more();
        const timer = setInterval(more, Math.max(every * 1000, least_ms));
        return () => clearInterval(timer);
    }, [vm.id, every]);
    if (!marks)
        return html`<${Told} refusal=${told.refusal} /><p class="none" role="status">${
            !told.graph ? "Asking the manager…"
            : every ? "Nothing has been told of it yet. It is while it runs, a few minutes later, "
                + "where its cluster's owner lets it be seen."
            : "This manager does not ask what VMs use."}</p>`;
    return html`<${Told} refusal=${told.refusal} /><div class="graphs">${graphs.map((graph) =>
        html`<${Graph} key=${graph.title} ...${graph} marks=${marks} every=${every} />`)}</div>`;
}
