// usage: openapi.mjs FILE: GitHub's OpenAPI description, cut down to what a tracker may use, and repaired, to FILE.
//
// In OpenAPI 3.0 "nullable" counts beside "type" only. The description has it without one too, in issues most of
// all; the validator of Prism throws there, and Prism then lets everything pass.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { home } from "./common.mjs";

const repository = "/repos/{owner}/{repo}";
const used = new Set([
  "/user", "/rate_limit", "/app", "/app/installations", "/app/installations/{installation_id}/access_tokens",
  ...["", "/installation", "/labels", "/milestones", "/issues", "/issues/{issue_number}", "/issues/{issue_number}/comments",
    "/issues/{issue_number}/labels", "/issues/{issue_number}/assignees", "/issues/comments/{comment_id}", "/pulls",
    "/pulls/{pull_number}", "/pulls/{pull_number}/merge", "/pulls/{pull_number}/reviews", "/pulls/{pull_number}/comments",
    "/pulls/{pull_number}/reviews/{review_id}/comments", "/commits/{ref}/check-runs", "/commits/{ref}/status",
    "/check-runs/{check_run_id}", "/check-runs/{check_run_id}/annotations", "/actions/jobs/{job_id}/logs",
    "/git/refs", "/git/ref/{ref}", "/git/refs/{ref}"].map((path) => repository + path),
]);

const description = JSON.parse(readFileSync(join(home, "node_modules/@octokit/openapi/generated/api.github.com.json")));
let repaired = 0;

function repair(schema) {
  if (Array.isArray(schema)) return schema.map(repair);
  if (schema === null || typeof schema !== "object") return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, repair(value)]));
  if (copy.nullable !== true || copy.type) return copy;
  delete copy.nullable;
  ++repaired;
  return { anyOf: [copy, { type: "object", nullable: true, maxProperties: 0 }] };
}

const paths = Object.fromEntries(Object.entries(description.paths).filter(([path]) => used.has(path)));
const cut = repair({ openapi: description.openapi, info: description.info, servers: [{ url: "http://127.0.0.1" }], paths, components: {} });

/** Everything that is referred to, and what that refers to. */
function collect(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.$ref === "string") {
    const [, , kind, name] = value.$ref.split("/");
    cut.components[kind] ??= {};
    if (cut.components[kind][name]) return;
    cut.components[kind][name] = repair(description.components[kind][name]);
    return collect(cut.components[kind][name]);
  }
  Object.values(value).forEach(collect);
}
collect(cut.paths);
writeFileSync(process.argv[2], JSON.stringify(cut));
const lost = [...used].filter((path) => !paths[path]);
if (lost.length > 0) throw new Error(`the description has no ${lost.join(", ")}`);
console.log(`${Object.keys(paths).length} paths, ${repaired} schemas repaired`);
