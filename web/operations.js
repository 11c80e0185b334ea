/* Operations: what is under way or has ended, and the timeline of one, which says who decided what
 * and what is waited for, in the words of `isthmus op show`. */
import {address, html, login, Pages, replaceParameters, State, Table, Time, Told, useList,
    usePlace, useThing} from "./app.js";
import {codes} from "./codes.js";

const doings = {taken: "has it on disk", fetching: "fetches the image",
    preparing: "makes disk, first-boot data and definition", starting: "starts it",
    stopping: "stops it", rebooting: "reboots it", pausing: "pauses it", resuming: "resumes it",
    suspending: "saves its memory to disk", deleting: "deletes it",
    undoing: "removes what was half-made"};
const refusals = {"no-capacity": "it has no room", "not-allowed": "its owner does not allow it",
    full: "a table of it is full", unsupported: "it does not know this",
    "shutting-down": "it is stopping"};
const waits = {taking: (kind, place) => `${kind} ${place} to take it`,
    result: (kind, place) => `${kind} ${place}, which is at it`,
    cluster: (kind, place) => `${kind} ${place} to be connected`,
    host: (kind, place) => `${kind} ${place} to be connected`,
    link: (kind, place) => `room in the link to ${kind} ${place}`,
    retry: (kind, place) => `the next try at ${kind} ${place}`,
    image: () => "the image to come into the cluster's repository",
    turn: (kind, place) => `its turn at ${kind} ${place}, which has enough to do for this ${
        kind === "host" ? "upstream manager" : "cloud"}`,
    room: (kind) => `a ${kind} with room to be heard`,
    "block-store": () => "the cluster's block store to answer",
    copy: () => "a copy of its disk, which is not in the block store any more"};

/* Where operations go to, for whoever looks: an owner sees hosts, the others clusters. */
function placeKind() {
    return login.get().role === "owner" ? "host" : "cluster";
}

function titleOf(code) {
    return codes[code] ? codes[code].title : code;
}

function because(obstacle) {
    return obstacle && obstacle !== "none" ? `, because of the ${obstacle}` : "";
}

function words(op, entry, place) {
    const kind = placeKind();
    const by = {tenant: `tenant ${op.tenant}`, upstream: `upstream manager ${op.upstream}`,
        cluster: `cluster ${place}`, host: `host ${place}`, operator: "an operator",
        owner: "the owner"}[entry.by] || "the manager";
    switch (entry.step) {
    case "accepted":
        return by === "the manager" ? `${by} begins it` : `${by} asks for it`;
    case "placed":
        return `${by} chooses ${kind} ${place}${op.rule ? `, by rule ${op.rule}` : ""}`;
    case "instructed":
        return `${by} instructs ${kind} ${place}`;
    case "refused":
        return `${by} refuses: ${refusals[entry.code] || titleOf(entry.code)}${
            because(entry.obstacle)}`;
    case "waiting":
        return entry.code === "unreachable" && place ? `${kind} ${place} is not connected`
            : titleOf(entry.code);
    case "lost":
        return `${kind} ${place} was heard last, which is lost: its lease has ended`;
    case "ended":
        return !entry.code || entry.code === "ok" ? `${by}: done`
            : `${by}: ${titleOf(op.code)}${because(entry.obstacle)}`;
    default:
        return `${by} ${doings[entry.step] || "is at it"}`;
    }
}

export function Timeline({op}) {
    const entries = op.timeline || [];
    let place = "", before = op.created_ms;
    const {waits: waiting} = op, failed = op.state === "failed" && codes[op.code];
    return html`<ol class="timeline">${entries.map((entry) => {
        place = entry.cluster || entry.host || place;
        const after = (Math.max(0, entry.at_ms - before) / 1000).toFixed(3);
        before = entry.at_ms;
        return html`<li><strong>${entry.step}</strong> ${words(op, entry, place)}
            <span class="muted"> +${after} s</span></li>`;
    })}</ol>
    ${!op.ended_ms && waiting && waits[waiting.for] && html`<p role="status">It waits for
        ${" "}${waits[waiting.for](placeKind(), waiting.cluster || waiting.host)}
        ${waiting.since_ms && html`, since <${Time} ms=${waiting.since_ms} />`}.</p>`}
    ${failed && html`<p class="told told-bad"><strong>${failed.title}.</strong>
        ${" "}What to do: ${failed.remedy}.</p>`}`;
}

/* Rows of operations, of all or of one VM. */
export function Rows({list, who, none, ofOne}) {
    const asker = {operator: "Tenant", owner: "Upstream manager"}[who.role];
    return html`<${Table} caption="Operations" list=${list} none=${none}
        heads=${["What", ...(ofOne ? [] : ["VM"]), "State",
            ...(asker && !ofOne ? [{name: asker, rank: "middle"}] : []),
            {name: "Begun", rank: "middle"}, {name: "Took", rank: "wide"}]}
        row=${(op) => html`<tr key=${op.id}>
            <th scope="row"><a href=${address("operations", op.id)}>${op.verb}</a></th>
            ${!ofOne && html`<td><a href=${address("vms", op.vm)}>${op.vm_name}</a></td>`}
            <td><${State} of=${op.state} now=${op.ended_ms ? "" : op.step} />
                ${op.state === "failed" && html`<span class="muted"> ${op.code}</span>`}</td>
            ${asker && !ofOne && html`<td class="middle">${op.tenant || op.upstream}</td>`}
            <td class="middle"><${Time} ms=${op.created_ms} /></td>
            <td class="wide">${op.ended_ms &&
                `${((op.ended_ms - op.created_ms) / 1000).toFixed(1)} s`}</td></tr>`} />`;
}

function One({id}) {
    const {item: op, refusal} = useThing(`/v1/operations/${encodeURIComponent(id)}`,
        "operation", "id");
    return html`<p><a href="#/operations">All operations</a></p><${Told} refusal=${refusal} />
        ${op && html`<div class="line"><h1>${op.verb} <a href=${address("vms", op.vm)}
            >${op.vm_name}</a> <${State} of=${op.state} /></h1></div>
            <div class="cards"><section><h2>What happened</h2><${Timeline} op=${op} /></section>
            <section><h2>Facts</h2><dl class="facts"><dt>Id</dt><dd>${op.id}</dd>
                ${op.tenant && html`<dt>Tenant</dt><dd>${op.tenant}</dd>`}
                ${op.upstream && html`<dt>Upstream manager</dt><dd>${op.upstream}</dd>`}
                <dt>Begun</dt><dd><${Time} ms=${op.created_ms} /></dd>
                ${!op.ended_ms && html`<dt>Ends at the latest</dt>
                    <dd><${Time} ms=${op.deadline_ms} /></dd>`}
                ${op.ended_ms && html`<dt>Ended</dt><dd><${Time} ms=${op.ended_ms} /></dd>`}
                ${op.snapshot && html`<dt>Snapshot</dt><dd>${op.snapshot}</dd>`}
                </dl></section></div>`}`;
}

export default function Operations({who, itself}) {
    return itself ? html`<${One} key=${itself} id=${itself} />` : html`<${All} who=${who} />`;
}

function All({who}) {
    const {parameters} = usePlace();
    const {state = "", after = ""} = parameters;
    const list = useList("/v1/operations", {limit: "50", state, after,
        fields: `id,vm,vm_name,${who.role === "owner" ? "upstream" : "tenant"},verb,state,code,`
            + "step,created_ms,ended_ms"}, "operation");
    return html`<div class="line"><h1>Operations</h1></div>
        <div class="tools"><select aria-label="State" value=${state} onChange=${({target}) =>
            replaceParameters({...parameters, after: "", state: target.value})}>
            <option value="">any state</option>
            ${["pending", "running", "succeeded", "failed"].map((word) => html`<option
                value=${word} selected=${word === state}>${word}</option>`)}</select></div>
        <p class="muted" aria-live="polite">${list.items ? `${list.items.length} shown` : ""}</p>
        <${Rows} list=${list} who=${who} none="No operation is like that." />
        <${Pages} list=${list} parameters=${parameters} />`;
}
