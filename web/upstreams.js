/* The upstream managers of a cluster, for its owner: what each is lent and uses, all that it sees
 * of the hosts, and the owner's say over that. */
import {ask, Dialog, Field, gib, html, State, Time, Told, useList, useState} from "./app.js";
import {kinds, Used} from "./account.js";
import {Room} from "./clusters.js";

const words = [
    {name: "verbs", word: "Verbs", help: "start stop …"},
    {name: "shapes", word: "Shapes", help: "By name, or by size: c2-m4096-d20"},
    {name: "images", word: "Images", help: "By name or digest"},
    {name: "networks", word: "Networks", help: "By name"},
    {name: "placing", word: "Wishes about hosts",
        help: "apart, host-must, restart, anywhere; or none"},
    {name: "views", word: "What it sees of its VMs",
        help: "ips, log, usage, console, ports, screen; or none"}];

/* A dialog with a form; `take` makes the request's body of what was filled in. */
function Form({title, path, take, about, is_set, close, done, children}) {
    const [refusal, refuse] = useState(null);
    const send = (method, body) => ask(method, path, body).then(done, refuse);
    return html`<${Dialog} title=${title} close=${close}><p>${about}</p>
        <form onSubmit=${(event) => {
            event.preventDefault();
            send("PUT", take(new FormData(event.target)));
        }}>${children}<${Told} refusal=${refusal} /><div class="buttons">
        ${is_set && html`<button type="button" onClick=${() => send("DELETE")}>As
            configured</button>`}
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">Save</button></div></form></${Dialog}>`;
}

const number = (form, name) => Number(form.get(name)) || 0;
const amount = (name, word, value, help) => html`<${Field} label=${word} help=${help}><input
    name=${name} type="number" min="0" defaultValue=${value || 0} /></${Field}>`;

function Limits({upstream, ...dialog}) {
    return html`<${Form} ...${dialog} title=${`Limits of ${upstream.name}`}
        path=${`/v1/upstreams/${upstream.name}/limits`} is_set=${upstream.limits_from === "owner"}
        about="VMs that it has stay, also above a lower limit; it gets no new ones then."
        take=${(form) => Object.fromEntries(kinds.map(({name}) => [name, number(form, name)]))}>
        <div class="pair">${kinds.map(({name, word}) => amount(name, word,
            (upstream.limits || {})[name], "0: no limit"))}</div></${Form}>`;
}

function Permissions({upstream, ...dialog}) {
    const now = upstream.permissions || {};
    return html`<${Form} ...${dialog} title=${`What ${upstream.name} may ask for`}
        path=${`/v1/upstreams/${upstream.name}/permissions`}
        is_set=${upstream.permissions_from === "owner"}
        about="Words with a blank between them; empty: all. It may delete its VMs in any case."
        take=${(form) => ({apart_most: number(form, "apart_most"), ...Object.fromEntries(
            words.map(({name}) => [name, form.get(name).trim()]).filter(([, said]) => said))})}>
        <div class="pair">${words.map(({name, word, help}) => html`<${Field} label=${word}
            help=${help}><input name=${name} defaultValue=${now[name] || ""} autocomplete="off"
            spellcheck="false" /></${Field}>`)}
        ${amount("apart_most", "Others of a group that one is kept apart from", now.apart_most,
            "0: any number")}</div></${Form}>`;
}

function Share({upstream, ...dialog}) {
    const {weight = 1, kept = {}, steps = {}} = upstream.share || {};
    const of = (what, among) => Object.fromEntries(among.map(({name}) =>
        [name, what[name] || 0]));
    const read = (form, prefix, among) => of(Object.fromEntries(among.map(({name}) =>
        [name, number(form, `${prefix}-${name}`)])), among);
    return html`<${Form} ...${dialog} title=${`Share of ${upstream.name}`}
        path=${`/v1/upstreams/${upstream.name}/share`} is_set=${upstream.share_from === "owner"}
        about="How it stands beside other upstream managers, and how coarsely it sees the hosts."
        take=${(form) => ({weight: number(form, "weight") || 1,
            kept: read(form, "kept", kinds.slice(1)), steps: read(form, "steps", kinds)})}>
        ${amount("weight", "Weight", weight, "Its part of the hosts' work, beside others'")}
        <fieldset><legend>Room that is kept for it</legend><div class="pair">${kinds.slice(1).map(
            ({name, word}) => amount(`kept-${name}`, `${word}, kept`, kept[name], ""))}</div>
        </fieldset><fieldset><legend>It sees what there is in steps of</legend>
        <div class="pair">${kinds.map(({name, word}) => amount(`steps-${name}`, `${word}, a step`,
            steps[name], "0: exactly"))}</div></fieldset></${Form}>`;
}

function Revoke({upstream, close, done}) {
    const [refusal, refuse] = useState(null);
    return html`<${Dialog} title=${`Revoke ${upstream.name}?`} close=${close}>
        <p>It gets no new VMs from now on. After the grace its ${(upstream.used || {}).vms || 0} VMs
        are shut down and deleted, with their disks. Until then it can be taken back.</p>
        <form onSubmit=${(event) => {
            event.preventDefault();
            const hours = Number(new FormData(event.target).get("hours"));
            ask("POST", `/v1/upstreams/${upstream.name}/revoke`,
                {grace_seconds: Math.round(hours * 3600)}).then(done, refuse);
        }}><${Field} label="Grace, in hours"><input name="hours" type="number" min="0" step="any"
            required defaultValue="168" /></${Field}><${Told} refusal=${refusal} />
        <div class="buttons"><button type="button" onClick=${close}>Cancel</button>
        <button class="danger">Revoke</button></div></form></${Dialog}>`;
}

function amounts(of, among, none) {
    return among.filter(({name}) => (of || {})[name]).map(({name, word}) =>
        `${of[name]} ${word}`).join("; ") || none;
}

function Upstream({upstream, open, restore}) {
    const {name, told, permissions = {}, share = {}} = upstream;
    const from = (what) => what === "owner" ? "set by you" : "as configured";
    return html`<section aria-label=${name}><div class="line"><h2>${name} <${State}
            of=${upstream.state} /></h2><span class="bulk">${[["Limits", Limits],
            ["Permissions", Permissions], ["Share", Share]].map(([word, Form]) => html`
            <button type="button" aria-label=${`${word} of ${name}`}
                onClick=${() => open({Form, upstream})}>${word}</button>`)}
        ${upstream.phase === "lent" ? html`<button type="button" class="warns"
            aria-label=${`Revoke ${name}`} onClick=${() => open({Form: Revoke, upstream})}>Revoke
            </button>` : html`<button type="button" aria-label=${`Restore ${name}`}
            onClick=${() => restore(upstream)}>Restore</button>`}</span></div>
        ${upstream.phase !== "lent" && html`<p class="told told-bad">${upstream.phase}: revoked
            ${" "}<${Time} ms=${upstream.revoked_ms} />; its VMs end
            ${" "}<${Time} ms=${upstream.ends_ms} />.</p>`}
        <h3>Uses, within its limits</h3>
        <dl class="facts">${kinds.map(({name: kind, word}) => html`<dt>${word}</dt><dd><${Used}
            account=${{used: upstream.used, quota: upstream.limits}} kind=${kind} /></dd>`)}
            <dt>Limits</dt><dd>${from(upstream.limits_from)}</dd></dl>
        <h3>Sees: one node</h3>
        ${told && told.cpus_total ? html`<dl class="facts">
            <${Room} word="CPUs" free=${told.cpus_free} total=${told.cpus_total}
                show=${(n) => n} />
            <${Room} word="Memory" free=${told.memory_mib_free} total=${told.memory_mib_total}
                show=${gib} />
            <${Room} word="Disk" free=${told.disk_gib_free} total=${told.disk_gib_total}
                show=${(n) => `${n} GiB`} />
            ${(told.fits || []).length > 0 && html`<dt>Room for</dt><dd>${told.fits.map(
                ({shape, count}) => `${count} ${shape}`).join(", ")}</dd>`}</dl>`
            : html`<p class="muted">It was told of nothing yet.</p>`}
        <h3>May</h3>
        <dl class="facts">${words.map(({name: kind, word}) => html`<dt>${word}</dt>
            <dd>${permissions[kind] || "all"}</dd>`)}
            <dt>Permissions</dt><dd>${from(upstream.permissions_from)}</dd>
            <dt>Weight</dt><dd>${share.weight || 1}</dd>
            <dt>Kept for it</dt><dd>${amounts(share.kept, kinds, "nothing")}</dd>
            <dt>Sees in steps of</dt><dd>${amounts(share.steps, kinds, "one: exactly")}</dd>
            <dt>Connection</dt><dd>${upstream.seen_ms ? html`so <${Time} ms=${upstream.seen_ms} />`
                : "not seen since the manager's start"}</dd>
            ${upstream.unreadable > 0 && html`<dt>Not understood</dt><dd>${upstream.unreadable} of
                its messages since the manager's start</dd>`}</dl></section>`;
}

export default function Upstreams() {
    const list = useList("/v1/upstreams", {limit: "100"}, "", {polls: true, stirred: "vm"});
    const [dialog, open] = useState(null), [told, tell] = useState(null);
    const close = () => open(null), {items} = list;
    async function restore({name}) {
        tell(null);
        await ask("POST", `/v1/upstreams/${name}/restore`, {}).catch(tell);
        list.again();
    }
    return html`<div class="line"><h1>Upstream managers</h1></div>
        <${Told} refusal=${list.refusal} /><${Told} refusal=${told} />
        ${items && items.length === 0 && html`<p class="none">There are none.</p>`}
        <div class="cards">${(items || []).map((upstream) => html`<${Upstream}
            key=${upstream.name} upstream=${upstream} open=${open} restore=${restore} />`)}</div>
        ${dialog && html`<${dialog.Form} upstream=${dialog.upstream} close=${close}
            done=${() => {
                close();
                list.again();
            }} />`}`;
}
