/* The hosts of a cluster, for its owner: what each has, and which are emptied. */
import {address, gib, html, replaceParameters, State, Table, useKey, useList, usePlace,
    useRef} from "./app.js";

export const duties = {cordon: "cordoned", drain: "drained", maintenance: "in maintenance"};

export function many(count, word) {
    return `${count || "no"} ${word}${count === 1 ? "" : "s"}`;
}

/* How a host stands beside its connection. */
function Duty({host}) {
    const left = (host.remaining || []).reduce((sum, {vms}) => sum + vms, 0);
    if (!host.cordoned_ms)
        return html`<span class="muted">gets VMs</span>`;
    return html`${duties[host.duty || "cordon"]}${host.duty && host.duty !== "cordon"
        ? html`<span class="muted">, ${left ? `${many(left, "VM")} still there` : "empty"}</span>`
        : ""}`;
}

function used(capacity, kind, show) {
    const total = capacity[`${kind}_total`], now = total - capacity[`${kind}_free`];
    return html`${show(now)} of ${show(total)} <meter min="0" max=${total || 1} value=${now}
        aria-label="in use"></meter>`;
}

export default function Hosts() {
    const {parameters} = usePlace();
    const {name = "", after = ""} = parameters, search = useRef();
    const list = useList("/v1/hosts", {limit: "100", after, name: name && `*${name}*`}, "host",
        {key: "name", polls: true, stirred: "vm"});
    useKey("/", () => search.current.focus());
    return html`<div class="line"><h1>Hosts</h1></div>
        <div class="tools" role="search"><input type="search" ref=${search} value=${name}
            aria-label="Search by name" placeholder="Search"
            onChange=${({target}) => replaceParameters({name: target.value.toLowerCase()
                .replace(/[^a-z0-9-]/g, "")})} /></div>
        <p class="muted" aria-live="polite">${list.items ? `${list.items.length} shown` : ""}</p>
        <${Table} caption="Hosts" list=${list} none=${name ? "No host is like that."
                : "There are no hosts yet: the owner's guide tells how one joins."}
            heads=${["Name", "State", "Duty", "VMs", {name: "CPUs", rank: "middle"},
                {name: "Memory", rank: "middle"}, {name: "Disk", rank: "wide"}]}
            row=${(host) => html`<tr key=${host.name}>
                <th scope="row"><a href=${address("hosts", host.name)}>${host.name}</a></th>
                <td><${State} of=${host.state} />${host.disk_full ? " disk full" : ""}${
                    host.conflict && host.conflict !== "none" ? " not believed" : ""}</td>
                <td><${Duty} host=${host} /></td><td>${host.vms}</td>
                <td class="middle">${host.capacity && used(host.capacity, "cpus", (n) => n)}</td>
                <td class="middle">${host.capacity && used(host.capacity, "memory_mib", gib)}</td>
                <td class="wide">${host.capacity && used(host.capacity, "disk_gib",
                    (n) => `${n} GiB`)}</td></tr>`} />
        ${list.next && html`<nav class="buttons" aria-label="Pages"><a class="button" rel="next"
            href=${address("hosts", "", {name, after: list.next})}>Next page</a></nav>`}`;
}
