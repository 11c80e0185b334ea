/* The audit: what was asked for, by whom, and what came of it. */
import {address, html, Pages, Table, Time, useList, usePlace} from "./app.js";
import {codes} from "./codes.js";

export default function Audit({who}) {
    const {parameters} = usePlace(), names = who.role === "operator";
    const owns = who.role === "owner"; // and has no tokens
    const list = useList("/v1/audit", {limit: "50", after: parameters.after}, "", {polls: true});
    const asker = (row) => row.who === "tenant" && row.tenant ? row.tenant : row.who;
    return html`<div class="line"><h1>Audit</h1></div>
        <p>Requests that changed something, showed a secret, or were refused; the newest first.
        ${" "}<code>isthmus audit verify</code> checks that none was changed or taken out.</p>
        <${Table} caption="Audit" list=${list} none="Nothing was asked for yet."
            heads=${["What", "Of", "Came of it", {name: "When", rank: "middle"},
                ...(names ? [{name: "Who", rank: "middle"}] : []),
                ...(owns ? [] : [{name: "Token", rank: "wide"}]), {name: "From", rank: "wide"}]}
            row=${(row) => html`<tr key=${row.id}>
                <th scope="row">${row.verb || row.what}</th>
                <td>${row.key}</td>
                <td>${row.operation ? html`<a href=${address("operations", row.operation)}
                        >accepted</a>`
                    : row.code && row.code !== "ok" ? html`<span title=${codes[row.code] ?
                    codes[row.code].title : ""}>${row.code}</span>` : "done"}${row.more
                    ? html`<span class="muted">, and ${row.more} like it</span>` : ""}</td>
                <td class="middle"><${Time} ms=${row.at_ms} /></td>
                ${names && html`<td class="middle">${asker(row)}</td>`}
                ${!owns && html`<td class="wide">${row.token}</td>`}
                <td class="wide">${row.from || "the socket"}</td></tr>`} />
        <${Pages} list=${list} parameters=${parameters} />`;
}
