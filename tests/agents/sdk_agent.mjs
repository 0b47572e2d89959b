// An agent made with the official SDK of the Agent Client Protocol: the counterpart of Fanout's client. It does what the
// lines of its prompt say, all of it through its client:
//
//     @sdk write PATH TEXT     fs/write_text_file, after asking for permission
//     @sdk read PATH           fs/read_text_file; it says what it read
//     @sdk run COMMAND         a terminal, after asking for permission
//
// usage: node sdk_agent.mjs FOLDER-WITH-NODE_MODULES
import { createRequire } from "node:module";
import path from "node:path";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.argv[2], "package.json"));
const main = path.join(path.dirname(require.resolve("@agentclientprotocol/sdk")), "acp.js");
const acp = await import(pathToFileURL(main).href);

const sessions = new Map();

const say = (client, sessionId, text) =>
  client.notify(acp.methods.client.session.update, {
    sessionId,
    update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } },
  });

async function allowed(client, sessionId, toolCall) {
  const { outcome } = await client.request(acp.methods.client.session.requestPermission, {
    sessionId,
    toolCall,
    options: [
      { optionId: "yes", name: "Allow", kind: "allow_once" },
      { optionId: "no", name: "Reject", kind: "reject_once" },
    ],
  });
  return outcome.outcome === "selected" && outcome.optionId === "yes";
}

async function call(client, sessionId, toolCall, work) {
  await client.notify(acp.methods.client.session.update, {
    sessionId,
    update: { sessionUpdate: "tool_call", status: "pending", ...toolCall },
  });
  const done = (await allowed(client, sessionId, toolCall)) && (await work());
  await client.notify(acp.methods.client.session.update, {
    sessionId,
    update: { sessionUpdate: "tool_call_update", toolCallId: toolCall.toolCallId, status: done ? "completed" : "failed" },
  });
}

async function perform(client, sessionId, cwd, line, number) {
  const [verb, ...rest] = line.split(" ");
  const toolCallId = `call-${number}`;
  if (verb === "write") {
    const file = path.resolve(cwd, rest[0]);
    const content = rest.slice(1).join(" ") + "\n";
    await call(client, sessionId, { toolCallId, title: `Write ${rest[0]}`, kind: "edit", locations: [{ path: file }] }, async () => {
      await client.request(acp.methods.client.fs.writeTextFile, { sessionId, path: file, content });
      return true;
    });
  } else if (verb === "read") {
    const answer = await client
      .request(acp.methods.client.fs.readTextFile, { sessionId, path: path.resolve(cwd, rest[0]) })
      .catch((error) => ({ content: `refused: ${error.message}` }));
    await say(client, sessionId, `read ${rest[0]}: ${answer.content}`);
  } else if (verb === "run") {
    const command = rest.join(" ");
    const rawInput = { command };
    await call(client, sessionId, { toolCallId, title: command, kind: "execute", rawInput }, async () => {
      const terminal = await client.createTerminal({ sessionId, command: "sh", args: ["-c", command], cwd });
      const exit = await terminal.waitForExit();
      await terminal.release();
      return exit.exitCode === 0;
    });
  }
}

acp
  .agent({ name: "sdk-agent" })
  .onRequest(acp.methods.agent.initialize, () => ({
    protocolVersion: acp.PROTOCOL_VERSION,
    agentInfo: { name: "sdk-agent", version: "1.0.0" },
    agentCapabilities: { loadSession: false },
  }))
  .onRequest(acp.methods.agent.session.new, ({ params }) => {
    const sessionId = `session-${process.pid}`;
    sessions.set(sessionId, params.cwd);
    return { sessionId };
  })
  .onRequest(acp.methods.agent.session.prompt, async ({ params, client }) => {
    const text = params.prompt.map((block) => block.text ?? "").join("\n");
    const lines = text.split("\n").filter((line) => line.trim().startsWith("@sdk "));
    let number = 0;
    for (const line of lines) {
      await perform(client, params.sessionId, sessions.get(params.sessionId), line.trim().slice(5), ++number);
    }
    await say(client, params.sessionId, "All steps are done.");
    return { stopReason: "end_turn" };
  })
  .connect(acp.ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)));
