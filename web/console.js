/* A VM's serial console in the page, a terminal for it by xterm.js. */
import {html, Refusal, Told, useEffect, useRef} from "./app.js";
import {Terminal} from "./lib/xterm.js";
import {leaves, StreamHead, useStream, waiting_most} from "./stream.js";

/* A serial line has no size: guests reckon with 80 by 24. */
const columns = 80, rows = 24;

await new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("./lib/xterm.css", import.meta.url).href;
    link.onload = link.onerror = done;
    document.head.append(link);
});

// ---- the terminal

/* xterm.js writes styles as HTML, in elements and attributes, which the page's policy forbids. From
 * here on they are set as scripts may set them: by sheets and by properties. */
function styleElement(element) {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    Object.defineProperty(element, "textContent", {set: (text) => sheet.replaceSync(text)});
    element.remove = () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
        Element.prototype.remove.call(element);
    };
}

document.createElement = (name, options) => {
    const is_style = name === "style";
    const element = Document.prototype.createElement.call(document, is_style ? "template" : name,
        options);
    if (is_style)
        styleElement(element);
    element.setAttribute = (word, value) => {
        if (word === "style")
            element.style.cssText = value;
        else
            Element.prototype.setAttribute.call(element, word, value);
    };
    return element;
};

function coloursOf(host) {
    const {backgroundColor, color} = getComputedStyle(host);
    return {background: backgroundColor, foreground: color, cursor: color,
        cursorAccent: backgroundColor, selectionBackground: color,
        selectionForeground: backgroundColor};
}

/* As wide as there is room, and never less than guests take for granted. */
function fit(terminal, host) {
    const screen = host.querySelector(".xterm-screen");
    const bar_width = 16, cell_width = screen.clientWidth / terminal.cols;
    const fitting = Math.floor((host.clientWidth - bar_width) / cell_width);
    if (cell_width > 0 && Math.max(columns, fitting) !== terminal.cols)
        terminal.resize(Math.max(columns, fitting), rows);
}

/* Returns it, and how it ends. */
function openTerminal(host, leave) {
    const terminal = new Terminal({cols: columns, rows, fontSize: 14,
        fontFamily: "ui-monospace, 'DejaVu Sans Mono', monospace", minimumContrastRatio: 4.5,
        screenReaderMode: true, scrollback: 5000, theme: coloursOf(host)});
    terminal.open(host);
    terminal.attachCustomKeyEventHandler((event) => {
        if (!leaves(event))
            return true;
        event.preventDefault();
        leave();
        return false;
    });
    const paint = () => {
        terminal.options.theme = coloursOf(host);
    };
    const sized = new ResizeObserver(() => fit(terminal, host));
    const themed = new MutationObserver(paint);
    const system = matchMedia("(prefers-color-scheme: dark)");
    sized.observe(host);
    themed.observe(document.documentElement, {attributeFilter: ["data-theme"]});
    system.addEventListener("change", paint);
    return [terminal, () => {
        sized.disconnect();
        themed.disconnect();
        system.removeEventListener("change", paint);
        terminal.dispose();
    }];
}

// ---- the page's part

export default function Console({vm, close}) {
    const host = useRef(), leave = useRef(), terminal = useRef(), type = useRef(() => true);
    const stream = useStream(vm, "console", (typed) => {
        type.current = typed;
        terminal.current.focus();
        return {take: (bytes) => new Promise((taken) => terminal.current.write(bytes, taken)),
            finish: () => {
                type.current = () => true;
            }};
    });

    useEffect(() => {
        const [opened, dispose] = openTerminal(host.current, () => leave.current.focus());
        const give = (bytes) => type.current(bytes) || stream.tell(new Refusal(0,
            {detail: `More than ${waiting_most / 1024} KiB wait to be typed.`,
                remedy: "What was typed or pasted last is left out."}));
        opened.onData((text) => give(new TextEncoder().encode(text)));
        opened.onBinary((text) => give(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
        opened.textarea.setAttribute("aria-label", `Console of ${vm.name}`);
        opened.textarea.setAttribute("aria-describedby", "console-help");
        terminal.current = opened;
        return dispose;
    }, []);

    const help = html`<p id="console-help" class="muted"><kbd>Ctrl</kbd>${" "}<kbd>]</kbd>${" "}
        leaves the terminal; all other keys are the guest's.</p>`;
    return html`<${StreamHead} stream=${stream} what="console" help=${help} leave=${leave}
        close=${close} /><${Told} refusal=${stream.why} /><div class="console" ref=${host}></div>`;
}
