/* One VM: what it is, the verbs that are legal now, what happened to it last, its snapshots, and
 * what its guest writes to its serial console; console.js types into that, screen.js shows it. */
import {address, ask, Confirm, Dialog, Field, gib, html, legal, may, Part, State, Time,
    Told, useChoice, useEffect, useList, useRef, useState, useThing, verbs} from "./app.js";
import {Rows, Timeline} from "./operations.js";
import {rules} from "./vms.js";

/* A button that says why it cannot be used now. */
function Verb({word, why, act, danger}) {
    return html`<button type="button" class=${danger ? "warns" : ""} title=${why || undefined}
        aria-disabled=${why ? "true" : undefined} onClick=${() => why || act()}>${word}</button>`;
}

function Newest({id}) {
    const {item: op, refusal} = useThing(`/v1/operations/${id}`, "operation", "id");
    return html`<section><h2>${op ? html`Newest operation: <a
        href=${address("operations", op.id)}>${op.verb}</a> <${State} of=${op.state} />`
        : "Newest operation"}</h2><${Told} refusal=${refusal} />
        ${op && html`<${Timeline} op=${op} />`}</section>`;
}

function Past({vm, who}) {
    const list = useList("/v1/operations", {vm: vm.id, limit: "10",
        fields: "id,vm,vm_name,verb,state,code,step,created_ms,ended_ms"}, "operation",
        {only: (op) => op.vm === vm.id});
    return html`<section><h2>Operations</h2><${Rows} list=${list} who=${who} ofOne=${true}
        none="None is kept any more." /></section>`;
}

/* What a terminal would act upon is left out. */
function plain(text) {
    return text.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|.)/g, "").replace(/\r/g, "");
}

function Log({vm}) {
    const [read, set] = useState({text: "", next: null, refusal: null});
    const decoder = useRef(new TextDecoder());
    async function more() {
        try {
            const {base64, next} = await ask("GET",
                `/v1/vms/${vm.id}/log${read.next === null ? "" : `?from=${read.next}`}`);
            const bytes = Uint8Array.from(atob(base64 || ""), (letter) => letter.charCodeAt(0));
            const text = plain(decoder.current.decode(bytes, {stream: true}));
            set({text: (read.text + text).slice(-65536), next, refusal: null});
        } catch (refusal) {
            set({...read, refusal});
        }
    }
    return html`<section><div class="line"><h2>Console log</h2>
        <button type="button" onClick=${more}>${read.next === null ? "Read" : "Read on"}</button>
        </div><${Told} refusal=${read.refusal} />
        ${read.next !== null && html`<pre tabindex="0" aria-label="Console log">${read.text ||
            "The guest has written nothing."}</pre>`}</section>`;
}

/* What comes by a stream: `what` is its module, too. */
function Streamed({vm, what, barred}) {
    const [is_open, open] = useState(false), self = useRef(), was_open = useRef(false);
    useEffect(() => {
        if (was_open.current && !is_open) // the keyboard was in what has gone
            self.current.querySelector("button").focus();
        was_open.current = is_open;
    }, [is_open]);
    const why = barred || (vm.state === "running" ? "" : `The VM is ${vm.state}`);
    return html`<section ref=${self}><div class="line">
        <h2>${what[0].toUpperCase() + what.slice(1)}</h2>
        ${!is_open && html`<${Verb} word=${`Open ${what}`} why=${why}
            act=${() => open(true)} />`}</div>
        ${is_open && html`<${Part} name=${what} vm=${vm} close=${() => open(false)} />`}
        </section>`;
}

function Usage({vm}) {
    const [is_open, open] = useState(false);
    return html`<section><div class="line"><h2>What it uses</h2>
        <button type="button" aria-expanded=${is_open} onClick=${() => open(!is_open)}>${
        is_open ? "Hide graphs" : "Show graphs"}</button></div>
        ${is_open && html`<${Part} name="usage" vm=${vm} />`}</section>`;
}

function Snapshots({vm, run, free}) {
    const [name, write] = useState(""), [gone, open] = useState("");
    const all = vm.snapshots || [];
    return html`<section><h2>Snapshots</h2>
        ${all.length === 0 && html`<p class="none">There are none.</p>`}
        <ul class="plain">${all.map((one) => html`<li key=${one.name}><strong>${one.name}</strong>
            ${" "}<span class="muted"><${Time} ms=${one.created_ms} />
            ${one.memory ? ", with its memory" : ""}</span>
            <span class="buttons"><${Verb} word="Revert" why=${free} act=${() => open({one,
                verb: "revert"})} /><${Verb} word="Delete" why=${free} danger=${true}
                act=${() => open({one, verb: "snapshot-delete"})} /></span></li>`)}</ul>
        <form class="tools" onSubmit=${(event) => {
            event.preventDefault();
            run("POST", "/snapshot", {name});
            write("");
        }}><input aria-label="Name of a new snapshot" placeholder="before-upgrade" required
            value=${name} onInput=${({target}) => write(target.value)} maxlength="63" />
            <button disabled=${Boolean(free)}>Take a snapshot</button></form>
        ${gone && html`<${Confirm} close=${() => open("")}
            title=${gone.verb === "revert" ? `Go back to ${gone.one.name}?` :
                `Delete snapshot ${gone.one.name}?`}
            word=${gone.verb === "revert" ? "Revert" : "Delete"}
            act=${() => run("POST", `/${gone.verb}`, {name: gone.one.name})}>
            <p>${gone.verb === "revert" ? "What came since is lost." :
                "The VM stays as it is."}</p></${Confirm}>`}</section>`;
}

function Edit({vm, close, done}) {
    const [refusal, refuse] = useState(null);
    async function save(event) {
        event.preventDefault();
        const form = new FormData(event.target);
        try {
            for (const [name, method, path] of [["title", "PUT", "/title"],
                ["metadata", "PUT", "/metadata"], ["name", "POST", "/rename"],
                ["allow", "PUT", "/allow"]])
                if (form.get(name) !== (vm[name] || ""))
                    await ask(method, `/v1/vms/${vm.id}${path}?wait=10`,
                        name === "allow" && !form.get(name) ? {} : {[name]: form.get(name)});
            done();
        } catch (fault) {
            refuse(fault);
        }
    }
    return html`<${Dialog} title=${`Edit ${vm.name}`} close=${close}><form onSubmit=${save}>
        <${Field} label="Name"><input name="name" value=${vm.name} required /></${Field}>
        <${Field} label="Title"><input name="title" maxlength="255" value=${vm.title || ""} />
        </${Field}><${Field} label="Metadata" help="name=value, by commas">
        <textarea name="metadata" rows="3" value=${vm.metadata || ""}></textarea></${Field}>
        <${Field} label="Who may begin to speak to it" help=${rules}><input name="allow"
            value=${vm.allow || ""} placeholder="anybody" spellcheck="false" /></${Field}>
        <${Told} refusal=${refusal} /><div class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">Save</button></div></form></${Dialog}>`;
}

function Resize({vm, close, act}) {
    const [refusal, refuse] = useState(null);
    const shapes = useChoice("/v1/shapes", refuse) || [];
    return html`<${Dialog} title=${`Resize ${vm.name}`} close=${close}>
        <form onSubmit=${(event) => {
            event.preventDefault();
            const shape = new FormData(event.target).get("shape");
            close();
            act(shape);
        }}><${Field} label="Shape" help="A disk never shrinks."><select name="shape" required>
        ${shapes.map(({name, size}) => html`<option value=${name} selected=${name === vm.shape}>
            ${name}: ${size.cpus} CPU, ${gib(size.memory_mib)}, ${size.disk_gib} GiB disk
            </option>`)}</select></${Field}><${Told} refusal=${refusal} />
        <div class="buttons"><button type="button" onClick=${close}>Cancel</button>
            <button class="main">Resize</button></div></form></${Dialog}>`;
}

function Facts({vm}) {
    const pairs = (vm.metadata || "").split(",").filter(Boolean);
    return html`<section><h2>Facts</h2><dl class="facts">
        <dt>Id</dt><dd>${vm.id}</dd>
        <dt>Shape</dt><dd>${vm.shape}: ${vm.size.cpus} CPU, ${gib(vm.size.memory_mib)},
            ${" "}${vm.size.disk_gib} GiB disk</dd>
        <dt>Image</dt><dd>${vm.image}</dd>
        <dt>Cluster</dt><dd>${vm.cluster || "none yet"}</dd>
        <dt>Tenant</dt><dd>${vm.tenant}</dd>
        ${(vm.interfaces || []).map(({network, mac, ips}) => html`<dt>Network ${network}</dt>
            <dd>${mac}${ips ? `, ${ips}` : ""}</dd>`)}
        <dt>Who may begin to speak to it</dt><dd>${vm.allow || "anybody"}</dd>
        ${vm.group && html`<dt>Group</dt><dd>${vm.group}</dd>`}
        <dt>When its host is lost</dt><dd>${vm.on_loss || "stay"}</dd>
        ${vm.restarts > 0 && html`<dt>Made anew</dt><dd>${vm.restarts} times, at last
            ${" "}<${Time} ms=${vm.restarted_ms} /></dd>`}
        <dt>Made</dt><dd><${Time} ms=${vm.created_ms} /></dd>
        <dt>Changed</dt><dd><${Time} ms=${vm.changed_ms} /></dd>
        ${pairs.map((pair) => html`<dt>${pair.slice(0, pair.indexOf("="))}</dt>
            <dd>${pair.slice(pair.indexOf("=") + 1)}</dd>`)}</dl></section>`;
}

export default function Vm({who, itself}) {
    const {item: vm, refusal, again} = useThing(`/v1/vms/${encodeURIComponent(itself)}`, "vm",
        "id");
    const [told, tell] = useState(null), [dialog, open] = useState("");
    const close = () => open("");
    async function run(method, path, body) {
        tell(null);
        try {
            await ask(method, `/v1/vms/${vm.id}${path}`, body);
        } catch (fault) {
            tell(fault);
        }
    }
    if (!vm)
        return html`<p><a href="#/vms">All VMs</a></p><${Told} refusal=${refusal} />`;
    const barred = may(who) ? vm.locked_ms ? "The VM is locked" : "" : "Your token may only look";
    const why = (verb) => barred || (legal[verb].includes(vm.state) ? "" :
        `${verbs[verb]} is not possible while the VM is ${vm.state}`);
    const free = barred || (["stopped", "crashed", "running"].includes(vm.state) ? "" :
        `not possible while the VM is ${vm.state}`);
    return html`<p><a href="#/vms">All VMs</a></p>
        <div class="line"><h1>${vm.name} <${State} of=${vm.state} />
            ${vm.locked_ms ? html` <span class="muted">locked</span>` : ""}</h1></div>
        ${vm.title && html`<p>${vm.title}</p>`}
        ${vm.unheard_ms && html`<p class="told told-bad">Nothing has been heard of it since
            ${" "}<${Time} ms=${vm.unheard_ms} />: its state is as of then.</p>`}
        <div class="tools" role="group" aria-label="Verbs">
            ${Object.keys(verbs).map((verb) => html`<${Verb} word=${verbs[verb]} why=${why(verb)}
                act=${() => run("POST", `/${verb}`, {})} />`)}
            <${Verb} word="Resize" why=${free} act=${() => open("resize")} />
            <${Verb} word="Edit" why=${barred} act=${() => open("edit")} />
            <${Verb} word=${vm.locked_ms ? "Unlock" : "Lock"} why=${may(who) ? "" : barred}
                act=${() => run("POST", vm.locked_ms ? "/unlock" : "/lock", {})} />
            <${Verb} word="Delete" why=${barred} danger=${true} act=${() => open("delete")} /></div>
        <${Told} refusal=${told || refusal} />
        <div class="cards"><${Facts} vm=${vm} />
            ${vm.operation && html`<${Newest} key=${vm.operation} id=${vm.operation} />`}
            <${Snapshots} vm=${vm} run=${run} free=${free} /><${Log} vm=${vm} /></div>
        <div class="cards"><${Usage} vm=${vm} /></div>
        ${["screen", "console"].map((what) => html`<div class="cards" key=${what}><${Streamed}
            what=${what} vm=${vm} barred=${may(who) ? "" : barred} /></div>`)}
        <${Past} vm=${vm} who=${who} />
        ${dialog === "resize" && html`<${Resize} vm=${vm} close=${close}
            act=${(shape) => run("POST", "/resize", {shape})} />`}
        ${dialog === "edit" && html`<${Edit} vm=${vm} close=${close} done=${() => {
            close();
            again();
        }} />`}
        ${dialog === "delete" && html`<${Confirm} word="Delete" close=${close}
            title=${`Delete ${vm.name}?`} act=${() => run("DELETE", "")}>
            <p>Its disk is deleted with it. This cannot be taken back.</p></${Confirm}>`}`;
}
