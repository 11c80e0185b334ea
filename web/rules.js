/* Provisioning rules, for operators: the list in its order, and what each matches and says. */
import {ask, Confirm, Dialog, Field, html, may, Pages, Table, Told, useList, usePlace,
    useState} from "./app.js";

const matches = [{name: "tenants", word: "Tenants",
        help: "Names, a blank between; * stands for any characters; empty: all"},
    {name: "images", word: "Images", help: "Names, as of tenants"},
    {name: "shapes", word: "Shapes", help: "Names, as of tenants"},
    {name: "labels", word: "Labels", help: "That its metadata have: stage=test,by=anna"}];
const says = [{name: "clusters", word: "Clusters",
        help: "It may be in these alone: names, as of tenants"},
    {name: "must", word: "Must", help: "Labels that the cluster must have: region=eu,disk=ssd"},
    {name: "must_not", word: "Must not", help: "Labels of which it must have none"},
    {name: "prefer", word: "Prefer", help: "Labels that it should have"},
    {name: "avoid", word: "Avoid", help: "Labels that it should not have"},
    {name: "networks", word: "Networks",
        help: "That it is in where a request names none: names, by commas"}];
const choices = [{name: "strategy", word: "Strategy", values: ["anyhow", "spread", "pack"],
    help: "anyhow: as the request says"}, {name: "on_loss", word: "On loss",
    values: ["usual", "stay", "restart", "anywhere"], help: "Where a request says none"}];
const refuse = {name: "refuse", word: "Refuse", help: "What is said in place of such a VM; it then "
    + "says nothing else"};

function words(rule, fields, none) {
    const found = fields.filter(({name}) => rule[name]).map(({name, word}) =>
        `${word.toLowerCase()} ${rule[name]}`);
    return found.join("; ") || none;
}

function Edit({rule, close, done}) {
    const [refusal, told] = useState(null);
    async function save(event) {
        event.preventDefault();
        const wish = Object.fromEntries([...new FormData(event.target)].filter(
            ([, value]) => value));
        try {
            await (rule ? ask("PUT", `/v1/rules/${rule.name}`, wish)
                : ask("POST", "/v1/rules", wish));
            done();
        } catch (fault) {
            told(fault);
        }
    }
    const text = ({name, word, help}) => html`<${Field} label=${word} help=${help}><input
        name=${name} defaultValue=${(rule || {})[name] || ""} autocomplete="off"
        spellcheck="false" /></${Field}>`;
    return html`<${Dialog} title=${rule ? `Rule ${rule.name}` : "Add a rule"} close=${close}>
        <form onSubmit=${save}>
        ${!rule && html`<${Field} label="Name" help="Small letters, digits and dashes"><input
            name="name" required maxlength="63" autocomplete="off" spellcheck="false" />
            </${Field}>`}
        <fieldset><legend>VMs that it matches</legend><div class="pair">${matches.map(text)}</div>
        </fieldset><fieldset><legend>Where they go</legend><div class="pair">${says.map(text)}
        ${choices.map(({name, word, values, help}) => html`<${Field} label=${word} help=${help}>
            <select name=${name}>${values.map((value) => html`<option value=${value}
                selected=${(rule || {})[name] === value}>${value}</option>`)}</select></${Field}>`)}
        </div></fieldset>${text(refuse)}
        <${Told} refusal=${refusal} /><div class="buttons">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main">${rule ? "Save" : "Add"}</button></div></form></${Dialog}>`;
}

export default function Rules({who}) {
    const {parameters} = usePlace();
    const list = useList("/v1/rules", {limit: "100", after: parameters.after}, "rule",
        {key: "name"});
    const [dialog, open] = useState(null), [told, tell] = useState(null);
    const close = () => open(null);
    const items = list.items && [...list.items].sort((one, other) => one.position - other.position);
    async function act(...request) {
        tell(null);
        await ask(...request).catch(tell);
        list.again();
    }
    const step = (rule, by, word) => html`<button type="button" aria-label=${`${rule.name} ${word}`}
        disabled=${rule.position + by < 1} onClick=${() => act("POST",
            `/v1/rules/${rule.name}/move`, {position: rule.position + by})}>
        ${by < 0 ? "↑" : "↓"}</button>`;
    return html`<div class="line"><h1>Rules</h1>${may(who) && html`<button type="button"
            class="main" onClick=${() => open({what: "edit"})}>Add rule</button>`}</div>
        <p>The first rule that matches a new VM says where it goes; no other is looked at. VMs that
        there are stay where they are.</p>
        <${Told} refusal=${told} />
        <${Table} caption="Rules" list=${{...list, items}}
            none="There are no rules: VMs go where their tenants ask for."
            heads=${["Rule", {name: "Position", rank: "middle"}, "VMs", "Where they go",
                {th: html`<td></td>`}]}
            row=${(rule) => html`<tr key=${rule.name}><th scope="row">${rule.name}</th>
                <td class="middle">${rule.position}</td><td>${words(rule, matches, "every VM")}</td>
                <td>${words(rule, [refuse, ...says, ...choices], "anywhere")}</td>
                <td>${may(who) && html`<span class="bulk">${step(rule, -1, "up")}
                    ${step(rule, 1, "down")}
                    <button type="button" aria-label=${`Edit ${rule.name}`}
                    onClick=${() => open({what: "edit", rule})}>Edit</button>
                    <button type="button" class="warns" aria-label=${`Delete ${rule.name}`}
                    onClick=${() => open({what: "delete", rule})}>Delete</button></span>`}</td>
                </tr>`} />
        <${Pages} list=${list} parameters=${parameters} />
        ${dialog && dialog.what === "edit" && html`<${Edit} rule=${dialog.rule} close=${close}
            done=${() => {
                close();
                list.again();
            }} />`}
        ${dialog && dialog.what === "delete" && html`<${Confirm} word="Delete" close=${close}
            title=${`Delete rule ${dialog.rule.name}?`}
            act=${() => act("DELETE", `/v1/rules/${dialog.rule.name}`)}>
            <p>New VMs that it matched go by the rules after it. VMs that there are stay.</p>
            </${Confirm}>`}`;
}
