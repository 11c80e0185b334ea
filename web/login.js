/* How one is let in who has no link: by the token itself. */
import {Field, html, Refusal, Told, useEffect, useRef, useState} from "./app.js";

/* A provider that lets in who has an access token for what they are there. */
function ByProvider() {
    const [name, tell] = useState("");
    useEffect(() => {
        fetch("/login/provider").then(answer => answer.ok ? answer.json() : {})
            .then(provider => tell(provider.name || ""), () => {});
    }, []);
    return name && html`<p><a class="button main" href="/login">Log in with ${name}</a></p>`;
}

export default function Login({said, takes}) {
    const [refusal, refuse] = useState(said);
    const [busy, work] = useState(false);
    const field = useRef();
    async function enter(event) {
        event.preventDefault();
        work(true);
        try {
            const answer = await fetch("/v1/logins", {method: "POST",
                body: "{}",
                headers: {Authorization: `Bearer ${field.current.value.trim()}`,
                    "Content-Type": "application/json"}});
            if (!answer.ok)
                throw new Refusal(answer.status, await answer.json());
            location.reload(); // and nothing is left of who was here before
        } catch (fault) {
            refuse(fault);
            work(false);
        }
    }
    return html`<main class="login"><h1>Isthmus</h1>
        ${takes !== "tickets" && html`<${ByProvider} />`}
        ${takes === "tickets" ? html`<p>This is a cluster's manager. To log in, run
        ${" "}<code>isthmus web</code> on its machine, as who may open its socket, and open the link
        that it prints.</p>` : html`<p>To log in, run <code>isthmus web</code> where the command is
        set up, and open the link that it prints. Or give your token here.</p>`}
        <${Told} refusal=${refusal} />
        ${takes !== "tickets" && html`<form onSubmit=${enter}>
            <${Field} label="Token"><input ref=${field} type="password" required
                autocomplete="current-password" spellcheck="false" /></${Field}>
            <button class="main" disabled=${busy}>Log in</button>
        </form>`}</main>`;
}
