// What of Node the client uses.
declare const process: { env: Record<string, string | undefined> };
