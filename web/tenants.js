/* Tenants, for operators: what each may have and has, who is new, and who goes. */
import {ask, Confirm, Dialog, Field, html, may, Pages, Table, Told, useList, usePlace,
    useState} from "./app.js";
import {kinds, Used} from "./account.js";

function Quota({tenant, close, done}) {
    const [refusal, refuse] = useState(null);
    async function save(event) {
        event.preventDefault();
        const form = new FormData(event.target), quota = {};
        for (const {name} of kinds)
            quota[name] = Number(form.get(name)) || 0;
        try {
            await ask("PUT", `/v1/tenants/${tenant.name}/quota`, quota);
            done();
        } catch (fault) {
            refuse(fault);
        }
    }
    return html`<${Dialog} title=${`Quota of ${tenant.name}`} close=${close}>
        <form onSubmit=${save}><div class="pair">${kinds.map(({name, word}) => html`
            <${Field} label=${word} help="0: no limit"><input name=${name} type="number" min="0"
                defaultValue=${(tenant.quota || {})[name] || 0} /></${Field}>`)}</div>
        <${Told} refusal=${refusal} /><div class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">Save</button></div></form></${Dialog}>`;
}

function Create({close, made}) {
    const [refusal, refuse] = useState(null), [token, show] = useState(null);
    async function create(event) {
        event.preventDefault();
        try {
            show(await ask("POST", "/v1/tenants", {
                name: new FormData(event.target).get("name")}));
            made();
        } catch (fault) {
            refuse(fault);
        }
    }
    return token ? html`<${Dialog} title=${`Tenant ${token.name}`} close=${close}>
        <p>This token is shown this once. Give it to the tenant over a way that nobody else
        reads.</p><p><code class="secret">${token.token}</code></p><div class="buttons">
        <button type="button" onClick=${close}>Close</button></div></${Dialog}>`
        : html`<${Dialog} title="Create a tenant" close=${close}><form onSubmit=${create}>
        <${Field} label="Name" help="Small letters, digits and dashes"><input name="name" required
            maxlength="63" autocomplete="off" spellcheck="false" /></${Field}>
        <${Told} refusal=${refusal} /><div class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">Create</button></div></form></${Dialog}>`;
}

export default function Tenants({who}) {
    const {parameters} = usePlace();
    const list = useList("/v1/tenants", {limit: "50", after: parameters.after}, "tenant",
        {key: "name"});
    const [dialog, open] = useState(null), [told, tell] = useState(null);
    const close = () => open(null);
    async function remove(tenant) {
        tell(null);
        await ask("DELETE", `/v1/tenants/${tenant.name}`).catch(tell);
        list.again();
    }
    return html`<div class="line"><h1>Tenants</h1>${may(who) && html`<button type="button"
            class="main" onClick=${() => open({what: "create"})}>Create tenant</button>`}</div>
        <${Told} refusal=${told} />
        <${Table} caption="Tenants" list=${list} none="There are no tenants yet."
            heads=${["Name", ...kinds.map(({word}, at) => ({name: word,
                rank: at ? "middle" : ""})), {th: html`<td></td>`}]}
            row=${(tenant) => html`<tr key=${tenant.name}><th scope="row">${tenant.name}</th>
                ${kinds.map(({name}, at) => html`<td class=${at ? "middle" : ""}><${Used}
                    account=${tenant} kind=${name} /></td>`)}
                <td>${may(who) && html`<span class="bulk"><button type="button"
                    aria-label=${`Quota of ${tenant.name}`}
                    onClick=${() => open({what: "quota", tenant})}>Quota</button>
                    <button type="button" class="warns" aria-label=${`Delete ${tenant.name}`}
                    onClick=${() => open({what: "delete", tenant})}>Delete</button></span>`}</td>
                </tr>`} />
        <${Pages} list=${list} parameters=${parameters} />
        ${dialog && dialog.what === "create" && html`<${Create} close=${close}
            made=${list.again} />`}
        ${dialog && dialog.what === "quota" && html`<${Quota} tenant=${dialog.tenant}
            close=${close} done=${() => {
                close();
                list.again();
            }} />`}
        ${dialog && dialog.what === "delete" && html`<${Confirm} word="Delete" close=${close}
            title=${`Delete tenant ${dialog.tenant.name}?`} act=${() => remove(dialog.tenant)}>
            <p>Its tokens end at once. A tenant that has VMs or images stays.</p></${Confirm}>`}`;
}
