// What a tenant's program does with types made of the document: creates, lists, starts, deletes.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Operation = components["schemas"]["operation"];

const client = createClient<paths>({
  baseUrl: process.env.ISTHMUS_SERVER!,
  headers: { Authorization: `Bearer ${process.env.ISTHMUS_TOKEN}` },
});

function ended(what: string, operation: Operation | undefined, refusal: unknown): Operation {
  if (!operation) throw new Error(`${what}: ${JSON.stringify(refusal)}`);
  console.log(`${what} ${operation.state} ${operation.code}`);
  return operation;
}

const made = await client.POST("/v1/vms", {
  params: { query: { wait: 60 }, header: { "Idempotency-Key": "made-by-the-client" } },
  body: { name: "by-client", shape: "nano", image: "empty", start: false },
});
const operation = ended("create", made.data, made.error);

const listed = await client.GET("/v1/vms", { params: { query: { name: "by-*" } } });
for (const vm of listed.data?.items ?? []) console.log(`list ${vm.name} ${vm.state} ${vm.cluster}`);

const path = { vm: operation.vm! };
const started = await client.POST("/v1/vms/{vm}/start", { params: { path, query: { wait: 60 } } });
ended("start", started.data, started.error);

const shown = await client.GET("/v1/vms/{vm}", { params: { path } });
console.log(`show ${shown.data?.state}`);

const again = await client.POST("/v1/vms/{vm}/start", { params: { path } });
console.log(`again ${again.response.status} ${again.error?.code}: ${again.error?.remedy}`);

const gone = await client.DELETE("/v1/vms/{vm}", { params: { path, query: { wait: 60 } } });
ended("delete", gone.data, gone.error);
