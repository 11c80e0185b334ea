/* A VM's screen in the page, with keyboard and pointer, by noVNC. */
import {html, Refusal, Told, useEffect, useRef} from "./app.js";
import RFB from "./lib/novnc/core/rfb.js";
import {leaves, StreamHead, useStream} from "./stream.js";

const controls = [[0xffe3, "ControlLeft"], [0xffe4, "ControlRight"]]; // RFB's keys, and ours

/* A stream as noVNC knows its way: like a WebSocket. What it sends when no more can wait would be
 * missed in the midst of something: then all of it ends. */
class Way {
    constructor(type, fail) {
        Object.assign(this, {binaryType: "arraybuffer", protocol: "", readyState: "open", type,
            fail, onopen: null, onmessage: null, onerror: null, onclose: null});
    }
    send(bytes) {
        if (this.readyState === "open" && !this.type(new Uint8Array(bytes)))
            this.fail(new Refusal(0, {detail: "The VM's host does not take what is typed.",
                remedy: "Reconnect."}));
    }
    async take(bytes) {
        while (!this.onmessage) // noVNC comes to it later
            await new Promise((done) => setTimeout(done));
        if (this.readyState === "open")
            this.onmessage({data: bytes.slice().buffer});
    }
    close() {
        this.readyState = "closed";
        queueMicrotask(() => this.onclose({}));
        this.fail(new Refusal(0, {detail: "What came from the VM's host is no screen."}));
    }
}

function openScreen(host, vm, way) {
    const rfb = new RFB(host, way, {shared: true});
    rfb.scaleViewport = true;
    rfb.addEventListener("connect", () => {
        const canvas = host.querySelector("canvas");
        canvas.tabIndex = 0;
        canvas.setAttribute("role", "application");
        canvas.setAttribute("aria-label", `Screen of ${vm.name}`);
        canvas.setAttribute("aria-describedby", "screen-help");
        rfb.focus();
    });
    return rfb;
}

export default function Screen({vm, close}) {
    const host = useRef(), leave = useRef(), rfb = useRef(null);
    const stream = useStream(vm, "screen", (type, fail) => {
        const way = new Way(type, fail);
        const opened = openScreen(host.current, vm, way);
        rfb.current = opened;
        return {take: (bytes) => way.take(bytes), finish: () => {
            rfb.current = null;
            way.fail = () => {};
            setTimeout(() => way.readyState === "open" && opened.disconnect());
        }};
    });

    /* Before noVNC hears the keys, all of which it keeps. */
    function onKey(event) {
        if (!leaves(event))
            return;
        event.preventDefault();
        event.stopPropagation();
        for (const [key, code] of controls) // whose end it does not hear elsewhere
            rfb.current?.sendKey(key, code, false);
        leave.current.focus();
    }
    useEffect(() => {
        host.current.addEventListener("keydown", onKey, {capture: true});
    }, []);

    const help = html`<p id="screen-help" class="muted"><kbd>Ctrl</kbd>${" "}<kbd>]</kbd>${" "}
        leaves the screen; all other keys are the guest's.</p>`;
    const is_open = stream.word === "open";
    const tools = is_open && html`<button type="button" onClick=${() => {
        rfb.current?.sendCtrlAltDel();
        rfb.current?.focus();
    }}>Send Ctrl+Alt+Del</button><button type="button"
        onClick=${() => host.current.requestFullscreen().then(() => rfb.current?.focus())}>
        Full screen</button>`;
    return html`<${StreamHead} stream=${stream} what="screen" help=${help} tools=${tools}
        leave=${leave} close=${close} /><${Told} refusal=${stream.why} />
        <div class="screen" ref=${host}></div>`;
}
