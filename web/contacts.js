/* Who is told what happens: a tenant's, the operators' or a cluster's owner's contacts, each of
 * which counts once it has shown that it is there. */
import {ask, Dialog, Field, html, Time, Told, useState} from "./app.js";
import {Things} from "./account.js";

/* How one becomes proven, by its kind. */
const kinds = {mail: "It is sent a code: prove it by that.", xmpp: "It is sent a code in a chat: "
    + "prove it by that.", webhook: "It proves itself, by an answer to what it is sent.",
journal: "The manager's own log: it needs no proof."};

function State({contact}) {
    if (contact.off_ms)
        return html`gone since <${Time} ms=${contact.off_ms} />`;
    if (!contact.proven_ms)
        return "not proven: it is told nothing";
    return contact.failed_ms ? html`fails since <${Time} ms=${contact.failed_ms} />${contact.why
        && `: ${contact.why}`}` : "is told";
}

function Prove({contact, again}) {
    const [is_open, open] = useState(false), [refusal, refuse] = useState(null);
    async function prove(event) {
        event.preventDefault();
        const wish = {code: new FormData(event.target).get("code").trim()};
        try {
            await ask("POST", `/v1/contacts/${contact.id}/prove`, wish);
            open(false);
            again();
        } catch (fault) {
            refuse(fault);
        }
    }
    const close = () => open(false);
    return html`<button type="button" aria-label=${`Prove ${contact.name}`}
            onClick=${() => open(true)}>Prove</button>
        ${is_open && html`<${Dialog} title=${`Prove ${contact.name}`} close=${close}>
            <form onSubmit=${prove}><${Field} label="Code" help=${`That was sent to ${
                contact.address}`}><input name="code" required autocomplete="one-time-code"
                spellcheck="false" /></${Field}><${Told} refusal=${refusal} />
            <div class="buttons"><button type="button" onClick=${close}>Cancel</button>
            <button class="main">Prove</button></div></form></${Dialog}>`}`;
}

export default function Contacts({who}) {
    const [kind, choose] = useState("mail");
    const seen = Object.keys(kinds).filter((name) => name !== "journal" || who.role !== "tenant");
    return html`<div class="line"><h1>Contacts</h1></div>
        <${Things} who=${who} title="Who is told" path="/v1/contacts" kind="" word="Add contact"
            heads=${["State", {name: "Address", rank: "middle"}, {name: "Of what", rank: "wide"},
                {name: "Waiting", rank: "wide"}]}
            none="Nobody is told what happens." told="It is told nothing any more."
            row=${(contact) => html`<td><${State} contact=${contact} /></td>
                <td class="middle">${contact.address || contact.kind}</td>
                <td class="wide">${contact.events || "what is usual"}${contact.quiet
                    && `; not at ${contact.quiet} UTC`}</td>
                <td class="wide">${contact.waiting || 0}</td>`}
            more=${(contact, again) => !contact.proven_ms && !contact.off_ms &&
                (contact.kind === "mail" || contact.kind === "xmpp") &&
                html`<${Prove} contact=${contact} again=${again} />`}
            form=${html`<${Field} label="Name"><input name="name" required maxlength="63" />
                </${Field}><${Field} label="By" help=${kinds[kind]}><select name="kind"
                onChange=${(event) => choose(event.target.value)}>${seen.map((name) => html`<option
                    value=${name} selected=${name === kind}>${name}</option>`)}</select></${Field}>
                ${kind !== "journal" && html`<${Field} label="Address"><input name="address"
                    required autocomplete="off" spellcheck="false" /></${Field}>`}
                <${Field} label="Of what" help="Words with a blank between; empty: what is usual">
                <input name="events" autocomplete="off" spellcheck="false" /></${Field}>
                <${Field} label="Quiet hours" help="HH:MM-HH:MM, UTC; empty: none"><input
                name="quiet" autocomplete="off" /></${Field}>`} />`;
}
