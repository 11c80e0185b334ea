/* What a tenant has of its own beside VMs: its quota and what is used of it, its SSH keys, and the
 * tokens by which it is known. */
import {ask, Confirm, Dialog, Field, gib, html, may, Table, Time, Told, useList, useState,
    useThing} from "./app.js";

export const kinds = [{name: "vms", word: "VMs"}, {name: "cpus", word: "CPUs"},
    {name: "memory_mib", word: "Memory, MiB"}, {name: "disk_gib", word: "Disk, GiB"}];

/* How much of a quota is used, in numbers and as a bar. */
export function Used({account, kind}) {
    const used = (account.used || {})[kind] || 0, most = (account.quota || {})[kind] || 0;
    return html`${used}${most ? html` of ${most} <meter min="0" max=${most} value=${used}
        high=${most * .9} aria-label="used"></meter>`
        : html`<span class="muted">, no limit</span>`}`;
}

function Quota({who}) {
    const {item: account, refusal} = useThing(`/v1/tenants/${who.tenant}`, "tenant", "name");
    return html`<section><h2>Quota</h2><${Told} refusal=${refusal} />
        ${account && html`<dl class="facts">${kinds.map(({name, word}) => html`<dt>${word}</dt>
            <dd><${Used} account=${account} kind=${name} /></dd>`)}</dl>`}</section>`;
}

/* A list of small things that can be made and removed; `more`: what else of one, by `again`. */
export function Things({title, path, kind, heads, row, none, form, word, told, who, more}) {
    const list = useList(path, {limit: "100"}, kind, {key: "name", polls: true});
    const [dialog, open] = useState(null), [refusal, refuse] = useState(null);
    async function make(event) {
        event.preventDefault();
        const wish = Object.fromEntries([...new FormData(event.target)].filter(
            ([, value]) => value));
        try {
            const made = await ask("POST", path, wish);
            open(made.token || made.secret ? {made} : null);
            refuse(null);
            list.again();
        } catch (fault) {
            refuse(fault);
        }
    }
    async function remove({name, id}) {
        await ask("DELETE", `${path}/${encodeURIComponent(id || name)}`).catch(refuse);
        list.again();
    }
    const close = () => {
        open(null);
        refuse(null);
    };
    return html`<section><div class="line"><h2>${title}</h2>${may(who) && html`<button
            type="button" onClick=${() => open({is_new: true})}>${word}</button>`}</div>
        ${!dialog && html`<${Told} refusal=${refusal} />`}
        <${Table} caption=${title} list=${list} none=${none}
            heads=${["Name", ...heads, {th: html`<td></td>`}]}
            row=${(one) => html`<tr key=${one.id || one.name}><th scope="row">${one.name}</th>
                ${row(one)}<td>${may(who) && html`<span class="bulk">
                    ${more && more(one, list.again)}<button type="button" class="warns"
                    aria-label=${`Remove ${one.name}`}
                    onClick=${() => open({gone: one})}>Remove</button></span>`}</td></tr>`} />
        ${dialog && dialog.is_new && html`<${Dialog} title=${word} close=${close}>
            <form onSubmit=${make}>${form}<${Told} refusal=${refusal} /><div class="buttons">
            <button type="button" onClick=${close}>Cancel</button>
            <button class="main">Add</button></div></form></${Dialog}>`}
        ${dialog && dialog.made && html`<${Dialog} close=${close}
            title=${`${dialog.made.token ? "Token" : "Secret of"} ${dialog.made.name}`}>
            <p>It is shown this once: keep it where only its user can read it.</p>
            <p><code class="secret">${dialog.made.token || dialog.made.secret}</code></p>
            <div class="buttons"><button type="button" onClick=${close}>Close</button></div>
            </${Dialog}>`}
        ${dialog && dialog.gone && html`<${Confirm} word="Remove" close=${close}
            title=${`Remove ${dialog.gone.name}?`} act=${() => remove(dialog.gone)}>
            <p>${told}</p></${Confirm}>`}</section>`;
}

export default function Account({who}) {
    return html`<div class="line"><h1>Account</h1></div>
        <div class="cards"><${Quota} who=${who} />
        <${Things} who=${who} title="SSH keys" path="/v1/ssh-keys" kind="" word="Add SSH key"
            heads=${[{name: "Added", rank: "middle"}]} none="You keep none."
            told="VMs that have it keep it."
            row=${(key) => html`<td class="middle"><${Time} ms=${key.created_ms} /></td>`}
            form=${html`<${Field} label="Name"><input name="name" required maxlength="63" />
                </${Field}><${Field} label="Public key"><textarea name="public_key" rows="3"
                required spellcheck="false" placeholder="ssh-ed25519 AAAA…"></textarea>
                </${Field}>`} />
        <${Things} who=${who} title="Tokens" path="/v1/access-tokens" kind="" word="Make token"
            heads=${["May", {name: "Used", rank: "middle"}, {name: "Expires", rank: "middle"}]}
            none="There are none." told="Whoever uses it is out at once, browsers too."
            row=${(token) => html`<td>${token.rights}</td>
                <td class="middle">${token.used_ms ? html`<${Time} ms=${token.used_ms} />`
                    : "never"}</td><td class="middle">${token.expires_ms ? html`<${Time}
                    ms=${token.expires_ms} />` : "never"}</td>`}
            form=${html`<${Field} label="Name"><input name="name" required maxlength="63" />
                </${Field}><${Field} label="It may"><select name="rights">
                <option value="look">look</option><option value="act">look and act</option>
                <option value="all">all</option></select></${Field}>`} /></div>`;
}
