/* Which keys do what. */
import {Dialog, html} from "./app.js";

export default function Keys({who, close}) {
    return html`<${Dialog} title="Keys" close=${close}><dl class="facts">
        <dt><kbd>/</kbd></dt><dd>search</dd>
        ${who.role !== "owner" && html`<dt><kbd>c</kbd></dt><dd>create a VM</dd>`}
        <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous row</dd>
        <dt><kbd>?</kbd></dt><dd>this help</dd></dl>
        <div class="buttons"><button type="button" onClick=${close}>Close</button></div>
        </${Dialog}>`;
}
