/* The page's frame: how the manager is asked, what it tells by itself, who is logged in, and which
 * section stands in the address, behind #. A section is a module of its own, which comes when it is
 * opened. */
import {html, render, useCallback, useEffect, useRef, useState} from "./lib/preact.js";
export {html, useCallback, useEffect, useRef, useState};

// ---- asking

/* What the manager refused, in its own words. */
export class Refusal extends Error {
    constructor(status, problem) {
        super(problem.detail || problem.title || `The manager answered ${status}.`);
        this.status = status;
        this.code = problem.code || "";
        this.field = problem.field || "";
        this.remedy = problem.remedy || "";
    }
}

/* The answer, if it is none that refuses. */
export async function send(method, path, {headers, body, signal}) {
    let answer;
    try {
        answer = await fetch(path, {method, headers, body, signal});
    } catch (fault) {
        if (fault.name === "AbortError")
            throw fault;
        throw new Refusal(0, {detail: "The manager was not reached.",
            remedy: "Look whether the network is there; the page goes on by itself."});
    }
    if (answer.ok)
        return answer;
    const problem = await answer.json().catch(() => ({}));
    if (answer.status === 401 && !path.startsWith("/v1/logins"))
        login.set(null);
    throw new Refusal(answer.status, problem);
}

export async function ask(method, path, body, signal) {
    const headers = {};
    if (body !== undefined)
        headers["Content-Type"] = "application/json";
    if (method === "POST" && path.startsWith("/v1/vms"))
        headers["Idempotency-Key"] = crypto.randomUUID();
    const answer = await send(method, path, {headers, signal,
        body: body === undefined ? undefined : JSON.stringify(body)});
    return answer.status === 204 ? null : answer.json().catch(() => ({}));
}

export function query(path, parameters) {
    const found = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters))
        if (value)
            found.set(name, value);
    const text = found.toString();
    return text ? `${path}?${text}` : path;
}

// ---- what many look at

/* A value that components follow. */
function shared(value) {
    const followers = new Set();
    return {
        get: () => value,
        set(next) {
            value = next;
            for (const follower of followers)
                follower(next);
        },
        follow(follower) {
            followers.add(follower);
            return () => followers.delete(follower);
        },
    };
}

export function useShared(source) {
    const [value, set] = useState(source.get());
    useEffect(() => {
        set(source.get());
        return source.follow(set);
    }, [source]);
    return value;
}

export const login = shared(undefined); // undefined: not known yet; null: nobody
const link = shared("connecting"); // connecting, live, cut
const place = shared(readPlace());
const poll_ms = 10000;

// ---- what the manager tells by itself

/* One stream for all tabs: a browser has six connections for one manager. Whoever holds the lock
 * reads it and tells the others; when that tab closes, another one goes on where it was. */
const live = (() => {
    const silence_ms = 60000, pause_ms = 2000; // the manager says something every 25 s
    const listeners = new Set();
    const tabs = new BroadcastChannel("isthmus");
    let last = "", heard = 0, is_leader = false, has_begun = false, source = null;

    function hear(message) {
        if (message.link)
            link.set(message.link);
        last = message.id || last;
        if (message.event)
            for (const listener of listeners)
                listener(message);
    }
    function tell(message) {
        hear(message);
        tabs.postMessage(message);
    }
    tabs.onmessage = ({data}) => {
        if (data.asks && is_leader)
            tabs.postMessage({link: link.get(), id: last});
        else if (data.left)
            login.set(null);
        else if (!data.asks)
            hear(data);
    };

    function open() {
        heard = Date.now();
        source = new EventSource(query("/v1/events", {after: last}));
        const is_new = !last; // what changed until now has not been told
        source.onopen = () => {
            heard = Date.now();
            tell({link: "live"});
            if (is_new)
                tell({event: "reset"});
        };
        source.onerror = () => cut();
        for (const event of ["added", "changed", "removed", "reset", "bookmark"])
            source.addEventListener(event, ({data, lastEventId}) => {
                heard = Date.now();
                tell({event, id: lastEventId, ...JSON.parse(data)});
            });
    }
    /* A stream that is refused does not come again by itself; neither does a silent one. */
    async function cut() {
        source.close();
        tell({link: "cut"});
        await new Promise((done) => setTimeout(done, pause_ms));
        const is_there = await ask("GET", "/v1/whoami").then(() => true, () => false);
        if (!login.get())
            tabs.postMessage({left: true});
        else if (is_there)
            open();
        else
            cut();
    }
    setInterval(() => {
        if (is_leader && source && source.readyState === EventSource.OPEN &&
            Date.now() - heard > silence_ms)
            cut();
    }, 5000);

    return {
        listen(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
        /* From this revision on; "": from now. Later calls change nothing. */
        begin(revision) {
            if (has_begun)
                return;
            has_begun = true;
            last = last || revision;
            tabs.postMessage({asks: true});
            navigator.locks.request("isthmus", () => {
                is_leader = true;
                open();
                return new Promise(() => {}); // until the tab is closed
            });
        },
        leave() {
            tabs.postMessage({left: true});
            if (source)
                source.close();
        },
    };
})();

/* Calls back with {event, kind, item} for what changes, as long as the component is shown. */
export function useLive(listener) {
    const newest = useRef(listener);
    newest.current = listener;
    useEffect(() => live.listen((message) => newest.current(message)), []);
}

/* A page of a list that stays true: rows change as they are told of, and the page is asked for
 * again, at most once in a while, where another row may have to stand in it. `only`: which rows it
 * can have at all. `polls`: nobody is told of all such changes, so the list is asked for anew;
 * `stirred`: also when something of this kind changes. */
export function useList(path, parameters, kind,
    {key = "id", only = null, polls = false, stirred = ""} = {}) {
    const [list, set] = useState({items: null, next: "", refusal: null});
    const address = query(path, parameters);
    const state = useRef({});
    state.current.address = address;

    const load = useCallback(async () => {
        const now = state.current;
        const asked = now.address;
        now.is_due = false;
        now.asked_ms = Date.now();
        now.is_asking = true;
        try {
            const {items, next, revision} = await ask("GET", asked);
            if (asked === state.current.address)
                set({items, next: next || "", refusal: null});
            live.begin(revision || "");
        } catch (refusal) {
            if (asked === state.current.address)
                set((before) => ({...before, refusal}));
        }
        now.is_asking = false;
        if (now.is_due)
            soon();
    }, []);
    const soon = useCallback(() => {
        const now = state.current;
        now.is_due = true;
        if (now.is_asking || now.timer)
            return;
        now.timer = setTimeout(() => {
            now.timer = 0;
            if (!now.is_gone)
                load();
        }, Math.max(100, now.asked_ms + 2000 - Date.now()));
    }, []);
    useEffect(() => {
        state.current.is_gone = false;
        set((before) => ({...before, refusal: null}));
        load();
        return () => {
            state.current.is_gone = true;
        };
    }, [address]);
    useEffect(() => {
        const timer = polls && setInterval(() => document.hidden || load(), poll_ms);
        return () => clearInterval(timer);
    }, []);
    useLive(({event, kind: of, item}) => {
        if (event === "reset" || (stirred && of === stirred))
            soon();
        if (of !== kind)
            return;
        const fits = event !== "removed" && (!only || only(item));
        if (state.current.is_asking) // the answer may be older than this
            soon();
        set((before) => {
            const at = (before.items || []).findIndex((row) => row[key] === item[key]);
            if (at < 0 ? fits || event === "removed" : !fits)
                soon();
            if (at < 0)
                return before;
            const items = [...before.items];
            items.splice(at, 1, ...(fits ? [item] : []));
            return {...before, items};
        });
    });
    return {...list, again: load};
}

/* One thing that stays true; `polls` as above. */
export function useThing(path, kind, id, {polls = false} = {}) {
    const [thing, set] = useState({item: null, refusal: null});
    const load = useCallback(() => ask("GET", path).then(
        (item) => {
            set({item, refusal: null});
            live.begin("");
        }, (refusal) => set((before) => ({...before, refusal}))), [path]);
    useEffect(() => {
        load();
        const timer = polls && setInterval(() => document.hidden || load(), poll_ms);
        return () => clearInterval(timer);
    }, [path]);
    useLive(({event, kind: of, item}) => {
        if (event === "reset" || (polls && of === "vm"))
            load();
        else if (of === kind && thing.item && item[id] === thing.item[id])
            event === "removed" ? set({item: null, refusal: new Refusal(404,
                {detail: "It has been deleted."})}) : set({item, refusal: null});
    });
    return {...thing, again: load};
}

/* What a list has, in one page, for a field to choose from; null: it has not come yet. */
export function useChoice(path, refuse) {
    const [found, set] = useState(null);
    useEffect(() => {
        ask("GET", query(path, {limit: "500"})).then(({items}) => set(items), refuse);
    }, [path]);
    return found;
}

// ---- where we are: #/section/key?name=value

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch { // it was written by hand
        return text;
    }
}

function readPlace() {
    const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
    const [section, key] = path.split("/");
    return {section, key: decode(key || ""),
        parameters: Object.fromEntries(new URLSearchParams(parameters || ""))};
}

export function address(section, key, parameters) {
    return query(`#/${section}${key ? `/${encodeURIComponent(key)}` : ""}`, parameters || {});
}

export function usePlace() {
    return useShared(place);
}

/* Shows the place with other parameters, without a step for the browser's way back. */
export function replaceParameters(parameters) {
    const {section, key} = place.get();
    history.replaceState(null, "", address(section, key, parameters));
    place.set(readPlace());
}

addEventListener("hashchange", () => location.hash.startsWith("#ticket=") ? location.reload()
    : place.set(readPlace()));

// ---- what pages are made of

const whole = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});
const distance = new Intl.RelativeTimeFormat(undefined, {numeric: "auto"});

export function Time({ms}) {
    const [, tick] = useState(0);
    useEffect(() => {
        const timer = setInterval(() => tick((n) => n + 1), 15000);
        return () => clearInterval(timer);
    }, []);
    if (!ms)
        return null;
    const seconds = (ms - Date.now()) / 1000;
    const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(
        ([, size]) => Math.abs(seconds) >= size) || ["second", 1];
    const near = Math.abs(seconds) < 10 ? 0 : Math.round(seconds / length);
    return html`<time datetime=${new Date(ms).toISOString()} title=${whole.format(ms)}>
        ${near ? distance.format(near, unit) : "just now"}</time>`;
}

const signs = {running: "●", succeeded: "✓", up: "●", failed: "✕", crashed: "✕", lost: "✕",
    unreachable: "✕", paused: "❚❚", suspended: "❚❚", suspect: "▲", pending: "…", deleting: "…"};

/* A state: its word and a sign, never its colour alone. */
export function State({of, now}) {
    return html`<span class="state state-${of}"><span aria-hidden="true">${signs[of] || "○"}</span>
        ${" "}${of}${now ? html`<span class="muted">${" "}${now}…</span>` : ""}</span>`;
}

export function Told({refusal}) {
    return refusal && html`<div class="told told-bad" role="alert">
        <strong>${refusal.message}</strong>
        ${refusal.remedy && html`<span> ${refusal.remedy}</span>`}</div>`;
}

/* A window in front of the page; the browser keeps the keyboard in it, and Escape closes it. */
export function Dialog({title, close, children}) {
    const self = useRef();
    useEffect(() => {
        const before = document.activeElement;
        self.current.showModal();
        return () => document.activeElement === document.body && before && before.focus();
    }, []);
    return html`<dialog ref=${self} aria-labelledby="dialog-title" onClose=${close}>
        <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

/* Asks before what cannot be taken back; `check`: what one has to say that one did. */
export function Confirm({title, word, act, close, check, children}) {
    return html`<${Dialog} title=${title} close=${close}>
        ${children}
        <form onSubmit=${(event) => {
            event.preventDefault();
            close();
            act();
        }}>
            ${check && html`<label class="check"><input type="checkbox" required /> ${check}
                </label>`}
            <div class="buttons"><button type="button" onClick=${close}>Cancel</button>
            <button class="danger">${word}</button></div>
        </form></${Dialog}>`;
}

/* A label, the one field that it is of, and help. */
export function Field({label, help, children}) {
    const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, "-")}`;
    children.props.id = id;
    children.props["aria-describedby"] = help && `${id}-help`;
    return html`<div class="field"><label for=${id}>${label}</label>${children}
        ${help && html`<small id=${`${id}-help`}>${help}</small>`}</div>`;
}

/* Rows of a list, and what to say where there are none. */
export function Table({caption, heads, list, row, none}) {
    const {items, refusal} = list;
    return html`<${Told} refusal=${refusal} />
        ${items && items.length === 0 && html`<p class="none">${none}</p>`}
        ${!items && !refusal && html`<p class="none" role="status">Asking the manager…</p>`}
        ${items && items.length > 0 && html`<div class="scroll" tabindex="0" role="region"
            aria-label=${caption}><table><caption class="unseen">${caption}</caption>
            <thead><tr>${heads.map((head) => head.th || html`<th scope="col"
                class=${head.rank || ""}>${head.name || head}</th>`)}</tr></thead>
            <tbody>${items.map(row)}</tbody></table></div>`}`;
}

/* To the next page, and back to the first; which page it is stands in the address. */
export function Pages({list, parameters}) {
    const {section, key} = place.get();
    const {after, ...rest} = parameters;
    return (after || list.next) && html`<nav class="buttons" aria-label="Pages">
        ${after && html`<a class="button" href=${address(section, key, rest)}>First page</a>`}
        ${list.next && html`<a class="button" rel="next"
            href=${address(section, key, {...rest, after: list.next})}>Next page</a>`}</nav>`;
}

/* A single key calls, wherever the keyboard is but in a field or a dialog. */
export function useKey(key, act) {
    const newest = useRef(act);
    newest.current = act;
    useEffect(() => {
        function hear(event) {
            const is_typing = event.target.closest("input, select, textarea, dialog");
            if (event.key !== key || is_typing || event.ctrlKey || event.metaKey || event.altKey)
                return;
            event.preventDefault();
            newest.current();
        }
        addEventListener("keydown", hear);
        return () => removeEventListener("keydown", hear);
    }, [key]);
}

export function gib(mib) {
    return mib % 1024 ? `${mib} MiB` : `${mib / 1024} GiB`;
}

export const legal = {
    start: ["stopped", "crashed", "suspended"], shutdown: ["running"],
    stop: ["running", "paused", "suspended", "crashed"], reboot: ["running"], pause: ["running"],
    resume: ["paused"], suspend: ["running", "paused"],
};
export const verbs = {start: "Start", shutdown: "Shut down", stop: "Stop", reboot: "Reboot",
    pause: "Pause", resume: "Resume", suspend: "Suspend"};

// ---- the frame

/* `of`: whose it is. The first that one has is the one that is shown at first. */
const everybody = ["tenant", "operator", "owner"], clouds = ["tenant", "operator"];
const sections = [
    {name: "hosts", title: "Hosts", one: "host", of: ["owner"]},
    {name: "upstreams", title: "Upstream managers", of: ["owner"]},
    {name: "vms", title: "VMs", one: "vm", of: clouds},
    {name: "vms", title: "VMs", module: "hosted", of: ["owner"]},
    {name: "operations", title: "Operations", of: everybody},
    {name: "streams", title: "Open consoles", of: ["owner"]},
    {name: "images", title: "Images", of: clouds},
    {name: "clusters", title: "Clusters", of: clouds},
    {name: "tenants", title: "Tenants", of: ["operator"]},
    {name: "rules", title: "Rules", of: ["operator"]},
    {name: "account", title: "Account", of: ["tenant"]},
    {name: "contacts", title: "Contacts", of: everybody},
    {name: "audit", title: "Audit", of: everybody},
];

/* By its token, more than to look. */
export const may = (who) => who.rights !== "look";

/* A module of the page, which comes when it is shown. */
export function Part({name, ...more}) {
    const [found, set] = useState({});
    useEffect(() => {
        let is_old = false;
        import(`./${name}.js`).then((module) => is_old || set({name, Page: module.default}),
            () => is_old || set({name, Page: () => html`<${Told} refusal=${new Refusal(0, {
                detail: "This part of the page did not come.", remedy: "Load the page again."})}
                />`}));
        return () => {
            is_old = true;
        };
    }, [name]);
    return found.name === name && html`<${found.Page} ...${more} />`;
}

function Link() {
    const state = useShared(link);
    const words = {connecting: "connecting", live: "live", cut: "not connected"};
    return html`<span class="link link-${state}" role="status"><span aria-hidden="true">
        ${state === "live" ? "●" : "○"}</span>${" "}${words[state]}</span>`;
}

function ThemeButton() {
    const themes = {"": "as the system", light: "light", dark: "dark"};
    const [theme, set] = useState(localStorage.getItem("theme") || "");
    useEffect(() => {
        document.documentElement.dataset.theme = theme;
        localStorage.setItem("theme", theme);
    }, [theme]);
    const order = Object.keys(themes);
    return html`<button type="button" aria-label=${`Colours: ${themes[theme]}`}
        title=${`Colours: ${themes[theme]}`}
        onClick=${() => set(order[(order.indexOf(theme) + 1) % order.length])}>
        <span aria-hidden="true">◐</span></button>`;
}

async function leave() {
    live.leave();
    await ask("DELETE", "/v1/logins").catch(() => {});
    location.reload();
}

function moveRow(step) {
    const rows = [...document.querySelectorAll("tbody a, tbody th a")].filter(
        (found, at, all) => all.findIndex((other) => other.closest("tr") ===
            found.closest("tr")) === at);
    const at = rows.findIndex((found) => found.closest("tr").contains(document.activeElement));
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
    if (next)
        next.focus();
}

function Frame({who}) {
    const {section: named, key} = usePlace();
    const [helps, help] = useState(false), state = useShared(link);
    const seen = sections.filter(({of}) => of.includes(who.role));
    const section = named || seen[0].name;
    const {title, one, module: its} = seen.find(({name}) => name === section) || {};
    const module = key && one ? one : its || section;
    const before = useRef("");
    useEffect(() => {
        document.title = `${key || title || "?"} · Isthmus`;
        if (before.current) // a reader of the screen goes on where the page has changed
            document.getElementById("main").focus();
        before.current = section;
    }, [section, key]);
    useKey("?", () => help(true));
    useKey("j", () => moveRow(1));
    useKey("k", () => moveRow(-1));
    return html`<a class="skip" href="#main" onClick=${(event) => {
            event.preventDefault();
            document.getElementById("main").focus();
        }}>Skip to content</a>
        <header><a class="name" href="#/">Isthmus</a>
            <nav aria-label="Sections">${seen.map(({name, title: word}) => html`<a
                href=${address(name)} aria-current=${name === section ? "page" : undefined}
                >${word}</a>`)}</nav>
            <div class="who"><span class="muted">${who.tenant || who.role}</span><${Link} />
                <button type="button" aria-label="Keys" title="Keys"
                    onClick=${() => help(true)}>?</button>
                <${ThemeButton} />
                <button type="button" onClick=${leave}>Log out</button></div></header>
        ${state === "cut" && html`<div class="told told-bad cut" role="alert"><strong>Not
            connected.</strong> What stands here is as it was; the page tries again by itself.
            </div>`}
        <main id="main" tabindex="-1">${title ? html`<${Part} key=${key} name=${module}
            who=${who} itself=${key} />` : html`<h1>There is no such page</h1>`}</main>
        ${helps && html`<${Part} name="keys" who=${who} close=${() => help(false)} />`}`;
}

function App(more) {
    const who = useShared(login);
    if (who === undefined)
        return html`<main class="login"><p role="status">Asking the manager…</p></main>`;
    return who ? html`<${Frame} who=${who} />` : html`<${Part} name="login" ...${more} />`;
}

async function begin() {
    const [, ticket] = location.hash.match(/^#ticket=(.+)$/) || [];
    let said = null, takes = "tokens"; // a cluster's manager takes tickets alone
    if (ticket) { // it is worth nothing any more, and goes from the address and the history
        history.replaceState(null, "", "#/");
        place.set(readPlace());
    }
    const here = () => ask("GET", "/v1/whoami").catch((refusal) => {
        said = said || (refusal.status === 401 ? null : refusal);
        takes = refusal.field === "ticket" ? "tickets" : "tokens";
        return null;
    });
    login.set(ticket ? await ask("POST", "/v1/logins", {ticket}).catch((refusal) => {
        said = refusal;
        return here(); // a link that was used already, by whoever is logged in
    }) : await here());
    render(html`<${App} said=${said} takes=${takes} />`, document.getElementById("app"));
}

document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
begin();
