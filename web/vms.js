/* The VMs: a list that stays true, what is done with many of them at once, and how one is made. */
import {address, ask, Confirm, Dialog, Field, gib, html, legal, may, Pages, replaceParameters,
    State, Table, Time, Told, useChoice, useKey, useList, useLive, usePlace, useRef,
    useState} from "./app.js";

/* How rules of who may begin to speak to a VM are written. */
export const rules = "tcp:22,udp:53,icmp,tcp:8000-8100@192.0.2.0/24; none: nobody; empty: anybody";

const shown = "id,name,state,shape,size,image,cluster,tenant,changed_ms,unheard_ms,locked_ms";
const states = ["running", "stopped", "paused", "suspended", "pending", "crashed", "failed",
    "lost", "deleting"];

function Create({who, close, made}) {
    const [refusal, refuse] = useState(null);
    const [busy, work] = useState(false);
    const shapes = useChoice("/v1/shapes", refuse), images = useChoice("/v1/images", refuse);
    const clusters = useChoice("/v1/clusters", refuse) || [];
    const networks = useChoice("/v1/networks", refuse) || [];
    const keys = (who.tenant && useChoice("/v1/ssh-keys", refuse)) || [];
    async function create(event) {
        event.preventDefault();
        const form = new FormData(event.target), wish = {start: form.has("start")};
        for (const name of ["name", "shape", "image", "cluster", "title", "user_data", "on_loss",
            "ssh_public_keys", "must", "prefer", "allow"])
            if (form.get(name))
                wish[name] = form.get(name);
        for (const name of ["networks", "ssh_keys"])
            if (form.getAll(name).length)
                wish[name] = form.getAll(name).join(",");
        work(true);
        try {
            made(await ask("POST", "/v1/vms", wish));
        } catch (fault) {
            refuse(fault);
            work(false);
        }
    }
    const letters = "[a-z0-9]([a-z0-9\\-]*[a-z0-9])?";
    const boxes = (name, rows) => rows.map((row) => html`<label class="check"><input
        type="checkbox" name=${name} value=${row.name} /> ${row.name}
        ${row.about && html`<span class="muted">${row.about}</span>`}</label>`);
    return html`<${Dialog} title="Create a VM" close=${close}><form onSubmit=${create}>
        <${Field} label="Name" help="Small letters, digits and dashes; also the guest's host name">
            <input name="name" required maxlength="63" pattern=${letters}
                autocomplete="off" spellcheck="false" /></${Field}>
        <div class="pair">
        <${Field} label="Shape"><select name="shape" required>${(shapes || []).map(
            ({name, size}) => html`<option value=${name}>${name}: ${size.cpus} CPU,
            ${" "}${gib(size.memory_mib)}, ${size.disk_gib} GiB disk</option>`)}</select></${Field}>
        <${Field} label="Image"><select name="image" required>${(images || []).map(({name}) => html`
            <option value=${name}>${name}</option>`)}</select></${Field}></div>
        ${images && images.length === 0 && html`<p class="muted">There is no image yet:
            import one first, by isthmus image import.</p>`}
        ${keys.length > 0 && html`<fieldset><legend>SSH keys that may log in</legend>
            ${boxes("ssh_keys", keys)}</fieldset>`}
        ${networks.length > 0 && html`<fieldset><legend>Networks</legend>
            ${boxes("networks", networks)}</fieldset>`}
        <${Field} label="Who may begin to speak to it" help=${rules}><input name="allow"
            placeholder="anybody" autocomplete="off" spellcheck="false" /></${Field}>
        <details><summary>More: keys, place, first boot</summary>
            <${Field} label="Further SSH public keys, a line each"><textarea name="ssh_public_keys"
                rows="2" spellcheck="false"></textarea></${Field}>
            <${Field} label="Title"><input name="title" maxlength="255" /></${Field}>
            <div class="pair">
            <${Field} label="Cluster"><select name="cluster"><option value="">any</option>
                ${clusters.map(({name}) => html`<option>${name}</option>`)}</select></${Field}>
            <${Field} label="When its host is lost"><select name="on_loss">
                <option value="">stay</option><option value="restart">restart, made anew</option>
                <option value="anywhere">restart anywhere, made anew</option></select></${Field}>
            </div><div class="pair">
            <${Field} label="Labels that the cluster must have"><input name="must"
                placeholder="region=eu" /></${Field}>
            <${Field} label="Labels that it should have"><input name="prefer"
                placeholder="disk=ssd" /></${Field}></div>
            <${Field} label="First-boot data (cloud-init user-data)"><textarea name="user_data"
                rows="4" spellcheck="false"></textarea></${Field}></details>
        <label class="check"><input type="checkbox" name="start" checked /> Start it</label>
        <${Told} refusal=${refusal} />
        <div class="buttons"><button type="button" onClick=${close}>Cancel</button>
            <button class="main" disabled=${busy || !shapes || !images}>Create</button></div>
        </form></${Dialog}>`;
}

/* Asks for each of them, some at a time, and tells of each what came of it. */
function useBulk() {
    const [results, set] = useState(null);
    async function run(word, method, path, vms) {
        const waiting = [...vms];
        set({word, rows: []});
        async function work() {
            for (let vm = waiting.shift(); vm; vm = waiting.shift()) {
                const row = {name: vm.name, id: vm.id};
                try {
                    const op = await ask(method, `/v1/vms/${vm.id}${path}`,
                        method === "POST" ? {} : undefined);
                    row.op = op.id;
                } catch (refusal) {
                    row.refusal = refusal;
                }
                set((before) => ({...before, rows: [...before.rows, row]}));
            }
        }
        await Promise.all([work(), work(), work()]);
    }
    return {results, run, clear: () => set(null)};
}

function Results({bulk}) {
    const {results, clear} = bulk;
    if (!results)
        return null;
    const refused = results.rows.filter(({refusal}) => refusal);
    return html`<div class=${`told ${refused.length ? "told-bad" : "told-good"}`} role="status">
        <div class="line"><strong>${results.word}: ${results.rows.length - refused.length} accepted,
            ${" "}${refused.length} refused</strong>
            <button type="button" onClick=${clear}>Dismiss</button></div>
        ${refused.length > 0 && html`<ul>${refused.map(({name, refusal}) => html`<li>
            ${name}: ${refusal.message}</li>`)}</ul>`}</div>`;
}

export default function Vms({who}) {
    const {parameters} = usePlace();
    const {name = "", state = "", sort = "name", after = ""} = parameters;
    const list = useList("/v1/vms", {limit: "50", fields: shown, sort, state, after,
        name: name && `*${name}*`}, "vm");
    const [chosen, choose] = useState(new Set());
    const [dialog, open] = useState("");
    const [steps, step] = useState({});
    const bulk = useBulk(), search = useRef(), typing = useRef(0);
    const rows = list.items || [];
    const picked = rows.filter(({id}) => chosen.has(id));
    useLive(({kind, item}) => {
        if (kind === "operation")
            step((before) => ({...before,
                [item.vm]: item.ended_ms ? "" : item.step || "accepted"}));
    });
    useKey("/", () => search.current.focus());
    useKey("c", () => may(who) && open("create"));
    const filter = (more) => replaceParameters({...parameters, after: "", ...more});
    function pick(id, is_in) {
        const next = new Set(chosen);
        is_in ? next.add(id) : next.delete(id);
        choose(next);
    }
    function act(verb, word) {
        bulk.run(word, verb === "delete" ? "DELETE" : "POST",
            verb === "delete" ? "" : `/${verb}`, picked);
        choose(new Set());
    }
    const allowed = (verb) => may(who) && picked.length > 0 &&
        picked.some((vm) => legal[verb].includes(vm.state));
    const order = (by, word, rank) => ({th: html`<th scope="col" class=${rank}
        aria-sort=${sort === by ? "ascending" : sort === `-${by}` ? "descending" : undefined}>
        <button type="button" class="head" onClick=${() => filter({
            sort: sort === by ? `-${by}` : by})}>${word}
            <span aria-hidden="true">${sort === by ? " ▲" : sort === `-${by}` ? " ▼" : ""}</span>
        </button></th>`});
    const is_all = rows.length > 0 && picked.length === rows.length;
    return html`<div class="line"><h1>VMs</h1>
            ${may(who) && html`<button class="main" type="button"
                onClick=${() => open("create")}>Create VM</button>`}
        </div>
        <div class="tools" role="search">
            <input type="search" ref=${search} aria-label="Search by name" placeholder="Search"
                value=${name} onInput=${({target}) => {
                    clearTimeout(typing.current);
                    typing.current = setTimeout(() => filter({
                        name: target.value.toLowerCase().replace(/[^a-z0-9-]/g, "")}), 250);
                }} />
            <select aria-label="State" value=${state}
                onChange=${({target}) => filter({state: target.value})}>
                <option value="">any state</option>
                ${states.map((word) => html`<option selected=${word === state}>${word}</option>`)}
            </select>
            <span class="bulk" role="group" aria-label="With the chosen VMs">
            ${[["start", "Start"], ["shutdown", "Shut down"], ["stop", "Stop"]].map(
                ([verb, word]) => html`<button type="button" disabled=${!allowed(verb)}
                    onClick=${() => act(verb, word)}>${word}</button>`)}
            <button type="button" disabled=${!picked.length || !may(who)}
                onClick=${() => open("delete")}>Delete</button></span></div>
        <p class="muted" aria-live="polite">${list.items ? `${rows.length} shown${
            list.next ? ", more follow" : ""}${picked.length ? `, ${picked.length} chosen` : ""}`
            : ""}</p>
        <${Results} bulk=${bulk} />
        <${Table} caption="VMs" list=${list}
            none=${name || state ? "No VM is like that." : "There are no VMs yet."}
            heads=${[{th: html`<th scope="col" class="pick"><input type="checkbox"
                aria-label="All that are shown" checked=${is_all}
                onChange=${({target}) => choose(new Set(target.checked ?
                    rows.map(({id}) => id) : []))} /></th>`},
                order("name", "Name", ""), "State", {name: "Shape", rank: "wide"},
                {name: "Image", rank: "wide"}, {name: "Cluster", rank: "middle"},
                ...(who.role === "operator" ? [{name: "Tenant", rank: "middle"}] : []),
                order("changed", "Changed", "wide")]}
            row=${(vm) => html`<tr key=${vm.id}>
                <td class="pick"><input type="checkbox" aria-label=${vm.name}
                    checked=${chosen.has(vm.id)}
                    onChange=${({target}) => pick(vm.id, target.checked)} /></td>
                <th scope="row"><a href=${address("vms", vm.id)}>${vm.name}</a>
                    ${vm.locked_ms ? html` <span title="locked">🔒</span>` : ""}</th>
                <td><${State} of=${vm.state} now=${steps[vm.id]} />
                    ${vm.unheard_ms ? html` <span class="muted">not heard of</span>` : ""}</td>
                <td class="wide">${vm.shape} <span class="muted">${vm.size.cpus} CPU,
                    ${" "}${gib(vm.size.memory_mib)}</span></td>
                <td class="wide">${vm.image}</td><td class="middle">${vm.cluster}</td>
                ${who.role === "operator" && html`<td class="middle">${vm.tenant}</td>`}
                <td class="wide"><${Time} ms=${vm.changed_ms} /></td></tr>`} />
        <${Pages} list=${list} parameters=${parameters} />
        ${dialog === "create" && html`<${Create} who=${who} close=${() => open("")} made=${() => {
            open("");
            list.again();
        }} />`}
        ${dialog === "delete" && html`<${Confirm} word="Delete" close=${() => open("")}
            title=${picked.length === 1 ? `Delete ${picked[0].name}?` :
                `Delete ${picked.length} VMs?`} act=${() => act("delete", "Delete")}>
            <p>Their disks are deleted with them. This cannot be taken back.</p>
            <ul class="few">${picked.map((vm) => html`<li>${vm.name}</li>`)}</ul></${Confirm}>`}`;
}
