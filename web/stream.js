/* A stream to a VM in the page, to its console or its screen: what comes from there is a request's
 * endless answer, what goes there goes by requests of its own, one after the other. */
import {ask, html, Refusal, send, useCallback, useEffect, useRef, useState} from "./app.js";

const piece_bytes = 16384;
export const waiting_most = 65536; // of what is to go there, and has not been sent
const places = 3; // a browser has six connections for one manager, and each stream keeps one
const busy_ms = 15000; // within which the manager knows that we have left a console
const leave_ms = 1000; // in which what was typed last is sent

const left_ms = new Map(); // by VM

/* Acts while this browser has a connection to spare for it. */
async function inPlace(act) {
    for (let place = 1; place <= places; place++)
        if (await navigator.locks.request(`isthmus-stream-${place}`, {ifAvailable: true},
            async (lock) => lock && (await act(), true)))
            return;
    throw new Refusal(0, {detail: `${places} consoles and screens are open in this browser.`,
        remedy: "Close one of them; a browser has few connections to one manager."});
}

/* Whoever has just left a console may find it busy for a moment. */
async function ticketFor(vm, what, signal) {
    for (;;)
        try {
            return await ask("POST", `/v1/vms/${vm}/${what}`, undefined, signal);
        } catch (refusal) {
            if (refusal.code !== "busy")
                throw refusal;
            refusal.remedy = "Reconnect when they have left it.";
            if (Date.now() - (left_ms.get(vm) || 0) > busy_ms)
                throw refusal;
            await new Promise((done) => setTimeout(done, 1000));
        }
}

async function join(vm, what, signal) {
    const {ticket} = await ticketFor(vm, what, signal);
    const answer = await send("POST", "/v1/streams", {signal, body: JSON.stringify({ticket}),
        headers: {"Content-Type": "application/json"}});
    return {said: answer.body.getReader(), input: `${answer.headers.get("Location")}/input`};
}

/* Sends what it is called with, in order; false: it is too much. rest(): until all has gone. */
function typist(path, signal, fail) {
    let waiting = new Uint8Array(), is_sending = false, going = null;
    async function drain() {
        is_sending = true;
        while (waiting.length) {
            const body = waiting.slice(0, piece_bytes);
            waiting = waiting.slice(piece_bytes);
            await send("POST", path, {signal, body,
                headers: {"Content-Type": "application/octet-stream"}});
        }
        is_sending = false;
    }
    const type = (bytes) => {
        if (waiting.length + bytes.length > waiting_most)
            return false;
        const all = new Uint8Array(waiting.length + bytes.length);
        all.set(waiting);
        all.set(bytes, waiting.length);
        waiting = all;
        if (!is_sending)
            going = drain().catch(fail);
        return true;
    };
    return Object.assign(type, {rest: () => going});
}

/* Gives what comes to `take`, which is waited for: nothing is read faster. */
async function hear(said, take) {
    try {
        for (;;) {
            const {done, value} = await said.read();
            if (done)
                return;
            await take(value);
        }
    } catch (fault) {
        throw fault.name === "AbortError" ? fault : new Refusal(0,
            {detail: "The connection to the manager was cut."});
    }
}

/* Of a stream that ends nobody says why; what the VM is now tells the most. */
function whyEnded({state}, what) {
    return new Refusal(0, state === "running" ? {detail: `The ${what} has ended.`,
        remedy: "The VM may have been moved or made anew, its cluster's owner may have ended it, " +
            "or nothing has passed for half an hour."}
        : {detail: `The ${what} has ended: the VM is ${state}.`});
}

/* A stream as a component has it, from its mounting on. `begin` is given how bytes go there, and
 * how to end with a fault; it returns what takes those that come, and what is done at the end. What
 * is typed while there is none is lost. */
export function useStream(vm, what, begin) {
    const [state, set] = useState({word: "", why: null}), [round, join_again] = useState(0);
    const typing = useRef(null);
    const run = useCallback(async (stop) => {
        const {signal} = stop;
        const end = (why) => signal.aborted || set({word: "ended", why});
        const fail = (fault) => {
            end(fault);
            stop.abort();
        };
        set({word: "opening…", why: null});
        try {
            await inPlace(async () => {
                const {said, input} = await join(vm.id, what, signal);
                set({word: "open", why: null});
                const type = typist(input, signal, (fault) =>
                    fault.status === 404 || fail(fault)); // 404: what is read says why it ended
                typing.current = type;
                const {take, finish} = begin(type, fail);
                await hear(said, take).finally(() => {
                    finish();
                    left_ms.set(vm.id, Date.now());
                });
            });
            end(null);
        } catch (fault) {
            end(fault);
        }
    }, []);
    useEffect(() => {
        const stop = new AbortController();
        run(stop);
        return async () => { // a key that was let go last is not to stay down in the guest
            const late = new Promise((done) => setTimeout(done, leave_ms));
            left_ms.set(vm.id, Date.now());
            await Promise.race([typing.current?.rest(), late]);
            stop.abort();
        };
    }, [round]);
    return {word: state.word, tell: (why) => set({word: "open", why}),
        why: state.why || (state.word === "ended" ? whyEnded(vm, what) : null),
        again: () => join_again(round + 1)};
}

/* Ctrl ], which leaves a terminal or screen; with Alt it is a bracket on many keyboards (AltGr). */
export function leaves(event) {
    return event.ctrlKey && !event.altKey && (event.key === "]" || event.code === "BracketRight");
}

/* What stands above a terminal or screen; `help` and `tools` are the caller's own. */
export function StreamHead({stream, what, help, tools, leave, close}) {
    return html`<div class="line">${help}<span class="tools"><span role="status">${stream.word}
        </span>${tools}${stream.word === "ended" && html`<button type="button"
            onClick=${stream.again}>Reconnect</button>`}
        <button type="button" ref=${leave} onClick=${close}>Close ${what}</button></span></div>`;
}
