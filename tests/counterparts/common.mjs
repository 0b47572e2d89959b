// What the programs here share. They run where they are; what npm installed is in the folder that
// FANOUT_COUNTERPARTS names.
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const home = process.env.FANOUT_COUNTERPARTS;

/** A module by its file, since only files can be named from outside of the folder. */
export const load = (file) => import(pathToFileURL(join(home, "node_modules", file)).href);

/** Whatever listens without a host listens on 127.0.0.1. Some have no option for it. */
export function stayOnLoopback() {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (port, ...rest) {
    if (typeof port === "object") return listen.call(this, { ...port, host: "127.0.0.1" }, ...rest);
    const others = typeof rest[0] === "string" || rest[0] === undefined ? rest.slice(1) : rest;
    return listen.call(this, port, "127.0.0.1", ...others);
  };
}

export async function bodyOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Sends on what came in; the answer, whole. */
export function passOn(upstream, request, body) {
  const url = new URL(request.url, upstream);
  const options = { method: request.method, headers: { ...request.headers, host: url.host } };
  return new Promise((resolve, reject) => {
    const sent = http.request(url, options, async (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: await bodyOf(answer) });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Answers with what `handle(request, body)` gives: {status, headers, body}. */
export function serve(port, handle) {
  const server = http.createServer(async (request, response) => {
    let answer;
    try {
      answer = await handle(request, await bodyOf(request));
    } catch (error) {
      answer = { status: 500, headers: {}, body: String(error.stack) };
    }
    const body = typeof answer.body === "object" && !Buffer.isBuffer(answer.body) ? JSON.stringify(answer.body) : answer.body;
    const headers = { ...answer.headers };
    delete headers["transfer-encoding"];
    delete headers.connection;
    if (answer.status !== 204 && answer.status !== 304) headers["content-length"] = Buffer.byteLength(body);
    response.writeHead(answer.status, headers).end(body);
  });
  server.listen(port, "127.0.0.1");
}
