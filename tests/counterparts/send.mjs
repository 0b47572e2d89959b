// usage: send.mjs METHOD URL [BODY]: sends one request as it stands, and prints the status.
const [method, url, body] = process.argv.slice(2);
const headers = {
  accept: "application/vnd.github+json",
  authorization: `Bearer ${process.env.GH_TOKEN}`,
  "content-type": "application/json",
  "user-agent": "send",
};
console.log((await fetch(url, { method, body, headers })).status);
