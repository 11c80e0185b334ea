/* Images: what VMs are made from; a file is sent with its progress, and removed. */
import {Confirm, Dialog, Field, html, may, Pages, Refusal, Table, Time, Told, useList, usePlace,
    useRef, useState, ask} from "./app.js";

export function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    const at = bytes ? Math.min(4, Math.floor(Math.log2(bytes) / 10)) : 0;
    return `${(bytes / 1024 ** at).toFixed(at && bytes / 1024 ** at < 10 ? 1 : 0)} ${units[at]}`;
}

/* fetch() tells nothing of what has been sent. */
function send(name, file, told) {
    const request = new XMLHttpRequest();
    const done = new Promise((resolve, reject) => {
        request.upload.onprogress = ({loaded}) => told(loaded);
        request.onload = () => {
            let data = {};
            try {
                data = JSON.parse(request.responseText);
            } catch { // the status says enough
            }
            request.status < 300 ? resolve(data) : reject(new Refusal(request.status, data));
        };
        request.onerror = () => reject(new Refusal(0, {detail: "The manager was not reached.",
            remedy: "Send it again."}));
        request.onabort = () => reject(null);
    });
    request.open("PUT", `/v1/images/${encodeURIComponent(name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
    return {done, stop: () => request.abort()};
}

function Import({close, done}) {
    const [state, set] = useState({sent: 0, all: 0, refusal: null});
    const way = useRef(null);
    async function begin(event) {
        event.preventDefault();
        const form = new FormData(event.target), file = form.get("file");
        set({sent: 0, all: file.size || 1, refusal: null});
        way.current = send(form.get("name"), file,
            (sent) => set((before) => ({...before, sent})));
        try {
            await way.current.done;
            done();
        } catch (refusal) {
            set({sent: 0, all: 0, refusal});
        }
    }
    function stop() {
        if (way.current)
            way.current.stop();
        close();
    }
    const {sent, all, refusal} = state;
    return html`<${Dialog} title="Import an image" close=${stop}><form onSubmit=${begin}>
        <${Field} label="Name" help="A tenant's image gets the tenant's name in front">
            <input name="name" required maxlength="63" autocomplete="off" spellcheck="false" />
        </${Field}>
        <${Field} label="File" help="A disk (raw, qcow2, vmdk, vhd, vhdx, OVA) or an archive">
            <input name="file" type="file" required /></${Field}>
        ${all > 0 && html`<p role="status"><progress max=${all} value=${sent}
            aria-label="Sent"></progress> ${sent < all ? `${size(sent)} of ${size(all)} sent`
            : "All is sent; the manager checks it"}</p>`}
        <${Told} refusal=${refusal} />
        <div class="buttons"><button type="button" onClick=${stop}>Cancel</button>
            <button class="main" disabled=${all > 0}>Import</button></div></form></${Dialog}>`;
}

export default function Images({who}) {
    const {parameters} = usePlace();
    const list = useList("/v1/images", {limit: "50", after: parameters.after}, "image",
        {key: "name", polls: who.role === "tenant"});
    const [dialog, open] = useState(null), [told, tell] = useState(null);
    const isOwn = (image) => may(who) && (who.role === "operator" || image.tenant === who.tenant);
    async function remove(image) {
        tell(null);
        await ask("DELETE", `/v1/images/${image.name}`).catch(tell);
        list.again();
    }
    return html`<div class="line"><h1>Images</h1>${may(who) && html`<button type="button"
            class="main" onClick=${() => open("import")}>Import image</button>`}</div>
        <${Told} refusal=${told} />
        <${Table} caption="Images" list=${list} none="There are no images yet."
            heads=${["Name", "Disk", {name: "Archive", rank: "middle"},
                {name: "Architecture", rank: "wide"}, {name: "Of", rank: "middle"},
                {name: "Made", rank: "wide"}, {th: html`<td></td>`}]}
            row=${(image) => html`<tr key=${image.name}><th scope="row">${image.name}</th>
                <td>${image.disk_gib} GiB</td>
                <td class="middle">${size(image.archive_bytes)}</td>
                <td class="wide">${image.architecture}</td>
                <td class="middle">${image.tenant || "all"}${image.shared ? ", shared" : ""}</td>
                <td class="wide"><${Time} ms=${image.created_ms} /></td>
                <td>${isOwn(image) && html`<button type="button" class="warns"
                    aria-label=${`Delete ${image.name}`}
                    onClick=${() => open(image)}>Delete</button>`}</td></tr>`} />
        <${Pages} list=${list} parameters=${parameters} />
        ${dialog === "import" && html`<${Import} close=${() => open(null)} done=${() => {
            open(null);
            list.again();
        }} />`}
        ${dialog && dialog.name && html`<${Confirm} title=${`Delete ${dialog.name}?`} word="Delete"
            close=${() => open(null)} act=${() => remove(dialog)}>
            <p>VMs that were made from it run on.</p></${Confirm}>`}`;
}
