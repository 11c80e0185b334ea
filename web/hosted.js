/* VMs of a cluster, as its owner sees them: where each is and whose, but nothing that is its
 * tenant's. */
import {address, gib, html, Pages, replaceParameters, State, Table, Time, Told, useKey, useList,
    usePlace, useRef, useThing} from "./app.js";
import {Rows} from "./operations.js";

const shown = "id,name,upstream,host,size,state,unheard_ms,changed_ms";

/* Rows; `shows`: where all of them are, so that it is not said of each. */
export function Hosted({filter, shows, none, sort}) {
    const list = useList("/v1/vms", {limit: "50", fields: shown, sort, ...filter}, "vm",
        {only: (vm) => !filter.host || vm.host === filter.host});
    return html`<p class="muted" aria-live="polite">${list.items ? `${list.items.length} shown${
            list.next ? ", more follow" : ""}` : ""}</p>
        <${Table} caption="VMs" list=${list} none=${none}
            heads=${["Name", "State", ...(shows === "host" ? [] : ["Host"]),
                {name: "Upstream manager", rank: "middle"}, {name: "Size", rank: "wide"},
                {name: "Changed", rank: "wide"}]}
            row=${(vm) => html`<tr key=${vm.id}>
                <th scope="row"><a href=${address("vms", vm.id)}>${vm.name}</a></th>
                <td><${State} of=${vm.state} />
                    ${vm.unheard_ms ? html` <span class="muted">not heard of</span>` : ""}</td>
                ${shows !== "host" && html`<td>${vm.host && html`<a href=${address("hosts",
                    vm.host)}>${vm.host}</a>`}</td>`}
                <td class="middle">${vm.upstream}</td>
                <td class="wide">${vm.size.cpus} CPU, ${gib(vm.size.memory_mib)},
                    ${" "}${vm.size.disk_gib} GiB</td>
                <td class="wide"><${Time} ms=${vm.changed_ms} /></td></tr>`} />
        ${sort && html`<${Pages} list=${list} parameters=${usePlace().parameters} />`}`;
}

function Past({vm, who}) {
    const list = useList("/v1/operations", {vm, limit: "10",
        fields: "id,vm,vm_name,verb,state,code,step,created_ms,ended_ms"}, "operation",
        {only: (op) => op.vm === vm});
    return html`<section><h2>Operations</h2><${Rows} list=${list} who=${who} ofOne=${true}
        none="None is kept any more." /></section>`;
}

function One({id, who}) {
    const {item: vm, refusal} = useThing(`/v1/vms/${encodeURIComponent(id)}`, "vm", "id");
    return html`<p><a href="#/vms">All VMs</a></p><${Told} refusal=${refusal} />
        ${vm && html`<div class="line"><h1>${vm.name} <${State} of=${vm.state} /></h1></div>
        <div class="cards"><section><h2>Facts</h2><dl class="facts">
            <dt>Id</dt><dd>${vm.id}</dd><dt>Of</dt><dd>${vm.upstream}</dd>
            <dt>Host</dt><dd>${vm.host ? html`<a href=${address("hosts", vm.host)}>${vm.host}</a>`
                : "none yet"}</dd>
            ${vm.unheard_ms && html`<dt>Not heard of</dt>
                <dd><${Time} ms=${vm.unheard_ms} /></dd>`}
            <dt>Size</dt><dd>${vm.size.cpus} CPU, ${gib(vm.size.memory_mib)},
                ${" "}${vm.size.disk_gib} GiB disk</dd>
            ${(vm.interfaces || []).map(({network, mac, ips}) => html`<dt>${network}</dt>
                <dd>${mac}${ips ? `, ${ips.replaceAll(",", ", ")}` : ""}</dd>`)}
            <dt>When its host is drained</dt><dd>${vm.on_drain || "stay"}</dd>
            <dt>When its host is lost</dt><dd>${vm.on_loss || "stay"}</dd>
            <dt>Made</dt><dd><${Time} ms=${vm.created_ms} /></dd></dl></section>
            <${Past} vm=${vm.id} who=${who} /></div>`}`;
}

function All() {
    const {parameters} = usePlace(), search = useRef();
    const {name = "", state = "", after = ""} = parameters;
    const filter = (more) => replaceParameters({...parameters, after: "", ...more});
    useKey("/", () => search.current.focus());
    return html`<div class="line"><h1>VMs</h1></div>
        <div class="tools" role="search"><input type="search" ref=${search} value=${name}
            aria-label="Search by name" placeholder="Search"
            onChange=${({target}) => filter({name: target.value.toLowerCase()
                .replace(/[^a-z0-9-]/g, "")})} />
        <select aria-label="State" value=${state}
            onChange=${({target}) => filter({state: target.value})}>
            <option value="">any state</option>
            ${["running", "stopped", "paused", "suspended", "crashed", "failed", "lost"].map(
                (word) => html`<option selected=${word === state}>${word}</option>`)}</select></div>
        <${Hosted} filter=${{name: name && `*${name}*`, state, after}} sort="-created"
            none=${name || state ? "No VM is like that." : "There are no VMs yet."} />`;
}

export default function Vms({itself, who}) {
    return itself ? html`<${One} key=${itself} id=${itself} who=${who} />` : html`<${All} />`;
}
