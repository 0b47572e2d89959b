// usage: signatures.mjs: deliveries and their signatures as Octokit makes them, as JSON: [{secret, payload, signature}].
import { load } from "./common.mjs";

const { sign } = await load("@octokit/webhooks-methods/dist-node/index.js");
const payloads = [
  "{}",
  JSON.stringify({ zen: "Keep it logically awesome.", hook_id: 1 }),
  JSON.stringify({ action: "closed", pull_request: { number: 7, merged: true, title: "Grüße 🚀 \u2028" } }),
  '{"spaces":  "and\\nline ends",\n"order": 1}\n',
  "payload=%7B%22zen%22%3A%22form%22%7D",
  JSON.stringify({ long: "x".repeat(100_000) }),
];
const secrets = ["It's a Secret to Everybody", "s", "Schlüssel 🔑", "k".repeat(200)];
const vectors = [];
for (const secret of secrets) {
  for (const payload of payloads) vectors.push({ secret, payload, signature: await sign(secret, payload) });
}
console.log(JSON.stringify(vectors));
