/* Open consoles, screens and connections to guests' ports, for the cluster's owner, who cuts
 * them. */
import {address, ask, Confirm, html, State, Table, Time, Told, useList, useState} from "./app.js";

export default function Streams() {
    const list = useList("/v1/streams", {limit: "500"}, "", {polls: true, stirred: "vm"});
    const [chosen, choose] = useState(null), [told, tell] = useState(null);
    async function cut({id}) {
        tell(null);
        await ask("DELETE", `/v1/streams/${id}`).catch(tell);
        list.again();
    }
    return html`<div class="line"><h1>Open consoles</h1></div>
        <p>What they carry is sealed from the VM's host to the cloud: it is not seen here.</p>
        <${Told} refusal=${told} />
        <${Table} caption="Open consoles" list=${list} none="None is open."
            heads=${["To", "VM", "Upstream manager", {name: "Host", rank: "middle"},
                {name: "State", rank: "middle"}, {name: "Asked", rank: "wide"},
                {name: "Ends at the latest", rank: "wide"}, {th: html`<td></td>`}]}
            row=${(stream) => html`<tr key=${stream.id}>
                <th scope="row">${stream.to}${stream.port ? ` ${stream.port}` : ""}</th>
                <td><a href=${address("vms", stream.vm)}>${stream.vm}</a></td>
                <td>${stream.upstream}</td>
                <td class="middle">${stream.host}</td>
                <td class="middle"><${State} of=${stream.state} /></td>
                <td class="wide"><${Time} ms=${stream.asked_ms} /></td>
                <td class="wide"><${Time} ms=${stream.ends_ms} /></td>
                <td><button type="button" class="warns" aria-label=${`Cut ${stream.id}`}
                    onClick=${() => choose(stream)}>Cut</button></td></tr>`} />
        ${chosen && html`<${Confirm} title="Cut it?" word="Cut" close=${() => choose(null)}
            act=${() => cut(chosen)}><p>Whoever sits there is out at once, and may ask for
            another one. To let nobody in, take it out of what ${chosen.upstream} may see of its
            VMs.</p></${Confirm}>`}`;
}
