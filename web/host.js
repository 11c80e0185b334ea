/* One host of a cluster, for its owner: what it has and lends, how it is emptied, and what keeps it
 * from being empty. */
import {ask, Confirm, Dialog, Field, gib, html, State, Time, Told, useState,
    useThing} from "./app.js";
import {Room} from "./clusters.js";
import {Hosted} from "./hosted.js";
import {duties, many} from "./hosts.js";

const stays = {undecided: "not looked at yet",
    policy: "may not go elsewhere, or have snapshots: ask their tenants, or wait for them",
    state: "lost, as far as is known: the host does not have them",
    "no-room": "no other host has room and is as they have to have it",
    "no-image": "their image cannot be had",
    "host-away": "the host is not connected: whether they run is not known",
    busy: "an operation on them is under way", "its-turn": "others go before them",
    fetching: "their image is fetched", leaving: "on their way out",
    "not-live": "may only go while they run, and are off or held, or this host cannot do that",
    failed: "going while they run was tried, and failed: see the manager's log"};
const leases = {none: "none: no VM that may be restarted elsewhere runs there",
    runs: "runs: VMs that may be restarted elsewhere run there",
    ended: "ended: VMs that may be restarted elsewhere run there no more",
    held: "ended, like most hosts': nothing is restarted until you say Recover"};


/* What is asked of a host: when, by which route, and what will happen. */
const goes = "VMs that may go elsewhere do: while they run, with memory and disk, where the hosts "
    + "can do that; others only if their tenants let them be made anew. What stays is listed here "
    + "with its reason.";
const acts = [
    {word: "Cordon", path: "/cordon", can: ({cordoned_ms: since}) => !since},
    {word: "Uncordon", path: "/uncordon",
        can: ({cordoned_ms: since, duty}) => since && duty !== "maintenance"},
    {word: "Drain", path: "/drain", can: ({duty}) => duty !== "drain" && duty !== "maintenance",
        says: (host) => `It gets no new VMs. Of ${many(host.vms, "VM")} there: ${goes} It is so `
            + "until you uncordon it."},
    {word: "Maintenance", path: "/maintenance", can: ({duty}) => duty !== "maintenance",
        says: (host) => `It gets no new VMs, and is kept empty, again and again, until you end `
            + `that. Of ${many(host.vms, "VM")} there: ${goes}`},
    {word: "End maintenance", path: "/maintenance", method: "DELETE",
        can: ({duty}) => duty === "maintenance"},
    {word: "Recover", path: "/recover", can: ({lease}) => lease === "held",
        says: (host) => `${many(host.owed, "VM")} of it are restarted on other hosts.`},
    {word: "Accept", path: "/accept", can: ({conflict}) => conflict && conflict !== "none",
        says: () => "What came by its name with another store is believed from now on; VMs that "
            + "it does not have are lost."},
    {word: "Declare off", path: "/declare-off", can: ({state}) => state !== "up", warns: true,
        check: "I have seen that it is off",
        says: (host) => `${many(host.owed, "VM")} of it that may be are restarted on other hosts `
            + "at once, without waiting for its lease. If it ran on, they would run twice."},
    {word: "Remove", path: "/forget", can: ({state}) => state !== "up", warns: true,
        check: "It is gone for good",
        says: (host) => `It is given up with ${many(host.vms, "VM")}, which are lost to their `
            + "tenants. Take its section out of the configuration, too: otherwise it may come "
            + "back as an empty host."},
];

function Edit({host, close, done}) {
    const [refusal, refuse] = useState(null);
    const path = `/v1/hosts/${host.name}`, lends = host.overcommit || {};
    async function save(event) {
        event.preventDefault();
        const form = new FormData(event.target);
        try {
            await ask("PUT", `${path}/labels`, {labels: form.get("labels") || undefined});
            await ask("PUT", `${path}/overcommit`, {
                cpus_percent: Number(form.get("cpus_percent")) || 0,
                memory_percent: Number(form.get("memory_percent")) || 0});
            done();
        } catch (fault) {
            refuse(fault);
        }
    }
    const percent = (name, word) => html`<${Field} label=${word} help="0: as configured"><input
        name=${name} type="number" min="0" defaultValue=${lends[name] || 0} /></${Field}>`;
    return html`<${Dialog} title=${`Edit ${host.name}`} close=${close}><form onSubmit=${save}>
        <${Field} label="Labels" help="name=value, by commas; no upstream manager is told">
            <input name="labels" defaultValue=${host.labels || ""} autocomplete="off"
                spellcheck="false" /></${Field}>
        <div class="pair">${percent("cpus_percent", "Processors that it lends, per cent")}
            ${percent("memory_percent", "Memory that it lends, per cent")}</div>
        <${Told} refusal=${refusal} /><div class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">Save</button></div></form></${Dialog}>`;
}

function Facts({host}) {
    const {capacity, overcommit: lends = {}} = host;
    return html`<dl class="facts">
        <dt>Connection</dt><dd>${host.seen_ms ? html`so <${Time} ms=${host.seen_ms} />`
            : "not seen since the manager's start"}</dd>
        <dt>VMs</dt><dd>${host.vms}</dd>
        ${host.software && html`<dt>Software</dt><dd>${host.software}</dd>`}
        <dt>Gets VMs</dt><dd>${host.cordoned_ms ? html`no, ${duties[host.duty || "cordon"]}
            ${" "}<${Time} ms=${host.cordoned_ms} />` : host.disk_full ? "no, its disk is full"
            : "yes"}</dd>
        ${capacity && html`<${Room} word="CPUs" free=${capacity.cpus_free}
                total=${capacity.cpus_total} show=${(n) => n} />
            <${Room} word="Memory" free=${capacity.memory_mib_free}
                total=${capacity.memory_mib_total} show=${gib} />
            <${Room} word="Disk" free=${capacity.disk_gib_free}
                total=${capacity.disk_gib_total} show=${(n) => `${n} GiB`} />`}
        <dt>Lends</dt><dd>${lends.cpus_percent || 100} % of its processors,
            ${" "}${lends.memory_percent || 100} % of its memory</dd>
        ${host.overclaims && html`<dt>Says it has</dt><dd>more than is believed</dd>`}
        <dt>Networks</dt><dd>${(host.networks || "none").replaceAll(",", ", ")}</dd>
        <dt>Labels</dt><dd>${(host.labels || "none").replaceAll(",", ", ")}</dd>
        <dt>Warden</dt><dd>${host.guarded ? "keeps leases" : "none is heard of"}</dd>
        <dt>Lease</dt><dd>${host.lease_ends_ms ? html`runs until
            ${" "}<${Time} ms=${host.lease_ends_ms} />, then VMs that may be are restarted
            elsewhere` : leases[host.lease] || host.lease}</dd>
        ${host.evictions > 0 && html`<dt>To put aside</dt><dd>${many(host.evictions, "VM")} that
            run elsewhere by now</dd>`}
        ${host.unreadable > 0 && html`<dt>Not understood</dt><dd>${host.unreadable} of its messages
            since the manager's start</dd>`}</dl>`;
}

export default function Host({itself: name}) {
    const path = `/v1/hosts/${encodeURIComponent(name)}`;
    const {item: host, refusal, again} = useThing(path, "host", "name", {polls: true});
    const [dialog, open] = useState(null), [told, tell] = useState(null);
    const close = () => open(null);
    async function act({method = "POST", path: more}) {
        tell(null);
        await ask(method, path + more, method === "POST" ? {} : undefined).catch(tell);
        again();
    }
    const remaining = (host && host.remaining) || [];
    return html`<p><a href="#/hosts">All hosts</a></p><${Told} refusal=${refusal} />
        ${host && html`<div class="line"><h1>${host.name} <${State} of=${host.state} /></h1>
            <span class="bulk" role="group" aria-label="What to do with it">
            ${acts.filter(({can}) => can(host)).map((one) => html`<button type="button"
                key=${one.word} class=${one.warns ? "warns" : ""}
                onClick=${() => one.says ? open(one) : act(one)}>${one.word}</button>`)}
            <button type="button" onClick=${() => open("edit")}>Edit</button></span></div>
        <${Told} refusal=${told} />
        ${host.conflict && host.conflict !== "none" && html`<p class="told told-bad">What comes by
            its name is not believed: ${host.conflict}. <${Time} ms=${host.conflict_ms} /></p>`}
        ${host.disk_full && html`<p class="told told-bad">Its disk is full: it gets no new VMs until
            there is room. Delete VMs or images there, or other files.</p>`}
        ${host.duty && host.duty !== "cordon" && html`<section aria-label="Drain"><h2>${remaining
            .length ? "Why it is not empty yet" : "It is empty"}</h2>${remaining.length > 0 && html`
            <ul>${remaining.map(({why, vms}) => html`<li>${many(vms, "VM")}: ${stays[why] || why}
            </li>`)}</ul>`}</section>`}
        <div class="cards"><section><h2>Facts</h2><${Facts} host=${host} /></section>
            <section><h2>VMs</h2><${Hosted} filter=${{host: host.name}} shows="host"
                none="No VM is there." /></section></div>
        ${dialog === "edit" && html`<${Edit} host=${host} close=${close} done=${() => {
            close();
            again();
        }} />`}
        ${dialog && dialog.says && html`<${Confirm} title=${`${dialog.word}: ${host.name}?`}
            word=${dialog.word} check=${dialog.check} close=${close} act=${() => act(dialog)}>
            <p>${dialog.says(host)}</p></${Confirm}>`}`}`;
}
