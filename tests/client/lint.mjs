// Redocly's linter by its strict rules: a line for each fault of the document that is named.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended-strict"],
  rules: {
    "no-invalid-schema-examples": "error",
    "no-invalid-media-type-examples": "error",
    "operation-tag-defined": "error",
    "operation-singular-tag": "error",
    "tag-description": "error",
  },
});
const faults = await lint({ ref: process.argv[2], config });
for (const fault of faults)
  console.log(`${fault.ruleId} ${fault.location[0]?.pointer}: ${fault.message}`);
process.exitCode = faults.length ? 1 : 0;
