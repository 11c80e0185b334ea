/* Clusters, as the cloud sees each of them: one place with room, however many hosts it has. */
import {gib, html, State, Time, Told, useList} from "./app.js";

export function Room({word, free, total, show}) {
    return html`<dt>${word}</dt><dd>${show(free)} free of ${show(total)}
        <meter min="0" max=${total || 1} value=${total - free} aria-label=${`${word} in use`}
        ></meter></dd>`;
}

function Cluster({cluster, who}) {
    const {name, state, labels, capacity} = cluster, fits = (capacity && capacity.fits) || [];
    return html`<section aria-label=${name}><h2>${name} <${State} of=${state} /></h2>
        ${cluster.conflict && html`<p class="told told-bad">${cluster.conflict}</p>`}
        <dl class="facts">
        ${labels && html`<dt>Labels</dt><dd>${labels.replaceAll(",", ", ")}</dd>`}
        ${state !== "up" && cluster.seen_ms && html`<dt>Heard last</dt>
            <dd><${Time} ms=${cluster.seen_ms} /></dd>`}
        ${capacity && html`<${Room} word="CPUs" free=${capacity.cpus_free}
                total=${capacity.cpus_total} show=${(n) => n} />
            <${Room} word="Memory" free=${capacity.memory_mib_free}
                total=${capacity.memory_mib_total} show=${gib} />
            <${Room} word="Disk" free=${capacity.disk_gib_free}
                total=${capacity.disk_gib_total} show=${(n) => `${n} GiB`} />`}
        ${fits.length > 0 && html`<dt>Room for</dt><dd>${fits.map(({shape, count}) =>
            `${count} ${shape}`).join(", ")}</dd>`}
        ${who.role === "operator" && cluster.owed > 0 && html`<dt>To be restarted elsewhere</dt>
            <dd>${cluster.owed} VMs</dd>`}</dl></section>`;
}

export default function Clusters({who}) {
    const list = useList("/v1/clusters", {limit: "500"}, "cluster",
        {key: "name", polls: who.role === "tenant"});
    const rows = [...(list.items || [])].sort((one, other) =>
        (one.state === "up") - (other.state === "up") || one.name.localeCompare(other.name));
    return html`<div class="line"><h1>Clusters</h1></div><${Told} refusal=${list.refusal} />
        ${list.items && rows.length === 0 && html`<p class="none">There are none that you may
            use.</p>`}
        <div class="cards">${rows.map((cluster) => html`<${Cluster} key=${cluster.name}
            cluster=${cluster} who=${who} />`)}</div>`;
}
