"""A model on loopback that does what the prompt says, for the real coding agents in tests.

usage: model_server.py LOG

Speaks what the agents' programs ask their providers in: Anthropic's messages, OpenAI's responses and chat
completions, Gemini's generateContent; all of them streamed. Prints the port it listens on, and ends when its
standard input does. LOG gets a line of JSON for each answer: {"agent", "answer", "time"}.

The prompt holds the script, a line for each step:

    @model write PATH TEXT     calls the tool that writes files (or a shell, where there is no such tool); \\n is a line end
    @model run COMMAND         calls the tool that runs commands
    @model call TOOL JSON      calls that tool with these arguments
    @model say TEXT            ends the turn with these words; the next prompt goes on with the next step
    @model limit SECONDS       answers 429 with retry-after, once, before the next step
    @model exhausted SECONDS   answers 429 with the words of a used-up quota and retry-after, once, before the next step
    @model hang                answers nothing until the agent hangs up, once, before the next step
    @model wait FILE           answers once FILE exists, before the next step
    @model saved FILES TEXT    answers once one of FILES (a pattern) holds TEXT, before the next step

When all steps are done it says that it is done. How far a conversation is, its own messages tell, so a session that is
resumed goes on where it was; "once" is remembered for each script. A request that offers no tools (titles, summaries)
gets a word. Tokens are the same for each call: 1000 in, of which 400 come from the cache, and 50 out.
"""

import glob
import hashlib
import http.server
import json
import os
import re
import sys
import threading
import time
import uuid

INPUT, CACHED, OUTPUT = 1000, 400, 50
PREFIX = "@model "
CONDITIONS = ("limit", "exhausted", "hang", "wait", "saved")  # no step of their own

log_lock = threading.Lock()
once = set()
once_lock = threading.Lock()


def first_time(key):
    with once_lock:
        if key in once:
            return False
        once.add(key)
        return True


class Talk:
    """A conversation: its prompts and the outcomes of tool calls, in order, whatever API it came by."""

    def __init__(self):
        self.entries = []  # ("prompt", text) or ("outcome", text)

    def prompt(self, text):
        self.entries.append(("prompt", text))

    def outcome(self, text):
        self.entries.append(("outcome", text))

    def script(self):
        """The newest script, its steps, and how many of them are done."""
        begin, steps = None, []
        for at, (kind, text) in enumerate(self.entries):
            found = [line.strip()[len(PREFIX):] for line in text.splitlines() if line.strip().startswith(PREFIX)]
            if kind == "prompt" and found:
                begin, steps = at, found
        if begin is None:
            return "", [], 0
        return self.entries[begin][1], steps, self.done(steps, self.entries[begin + 1:])

    @staticmethod
    def done(steps, entries):
        at = 0
        for kind, _ in entries:
            at = after_conditions(steps, at)
            if kind == "outcome":
                at += 1
            elif at < len(steps) and steps[at].startswith("say"):
                at += 1
        return at


def after_conditions(steps, at):
    while at < len(steps) and steps[at].split(" ")[0] in CONDITIONS:
        at += 1
    return at


class Refused(Exception):
    def __init__(self, seconds, words):
        super().__init__(words)
        self.seconds = seconds


class HungUp(Exception):
    pass


def next_answer(talk, has_tools, connection):
    """("say", text), ("write", path, text) or ("run", command)."""
    if not has_tools:
        return ("say", "Work")
    whole, steps, at = talk.script()
    key = hashlib.sha256(whole.encode()).hexdigest()
    while at < len(steps):
        verb, _, rest = steps[at].partition(" ")
        if verb in ("limit", "exhausted") and first_time((key, at)):
            usage = "You exceeded your current quota, please check your plan and billing details."
            raise Refused(rest.strip() or "1", usage if verb == "exhausted" else "Rate limit reached for requests.")
        if verb == "hang" and first_time((key, at)):
            wait_for_end(connection)
            raise HungUp
        if verb == "wait":
            wait_until(lambda: os.path.exists(rest.strip()), connection)
        if verb == "saved":
            files, _, text = rest.partition(" ")
            wait_until(lambda: any(holds(file, text) for file in glob.glob(files, recursive=True)), connection)
        if verb in CONDITIONS:
            at += 1
            continue
        if verb == "write":
            path, _, text = rest.partition(" ")
            return ("write", path, text.replace("\\n", "\n") + "\n")
        return (verb, rest)
    return ("say", "All steps are done.")


def wait_for_end(connection):
    """Until the other side hangs up. It sends nothing more."""
    try:
        while connection.recv(1):
            pass
    except OSError:
        pass


def holds(path, text):
    with open(path, encoding="utf-8", errors="replace") as file:
        return text in file.read()


def wait_until(is_so, connection):
    connection.settimeout(0.1)
    try:
        while not is_so():
            try:
                if not connection.recv(1):
                    raise HungUp
            except TimeoutError:
                continue
    finally:
        connection.settimeout(None)


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


def is_context(text):
    """What an agent's program puts in by itself."""
    return text.lstrip().startswith("<")


# Each API: the conversation in a request, the tools it offers, and an answer as the events of its stream.


def tool_call(answer, tools, directory):
    """The name and the arguments of the call that does the step, in the words of the tools on offer."""
    if answer[0] == "call":
        name, _, arguments = answer[1].partition(" ")
        return name, json.loads(arguments)
    if answer[0] == "write":
        path, text = answer[1], answer[2]
        absolute = os.path.join(directory, path) if directory else path
        for name, key in (("Write", "file_path"), ("write_file", "file_path"), ("write", "filePath")):
            if name in tools:
                return name, {key: absolute, "content": text}
        quoted = text.replace("'", "'\\''")
        answer = ("run", f"mkdir -p \"$(dirname '{path}')\" && printf '%s' '{quoted}' > '{path}'")
    command = answer[1]
    for name in ("Bash", "bash", "run_shell_command"):
        if name in tools:
            return name, {"command": command, "description": "a step"}
    if "exec_command" in tools:
        return "exec_command", {"cmd": command}
    if "shell_command" in tools:
        return "shell_command", {"command": command}
    return "shell", {"command": ["bash", "-lc", command]}


class Anthropic:
    name = "anthropic"

    def read(self, body):
        talk = Talk()
        for message in body.get("messages", []):
            if message["role"] != "user":
                continue
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            outcomes = [part for part in parts if part.get("type") == "tool_result"]
            for part in outcomes:
                talk.outcome(text_of(part.get("content")))
            texts = [part["text"] for part in parts if part.get("type") == "text" and not is_context(part["text"])]
            if not outcomes and texts:
                talk.prompt("\n".join(texts))
        return talk, [tool["name"] for tool in body.get("tools", [])]

    def message(self, answer, tools, directory, model):
        if answer[0] == "say":
            content, stop = {"type": "text", "text": answer[1]}, "end_turn"
        else:
            name, arguments = tool_call(answer, tools, directory)
            content = {"type": "tool_use", "id": "toolu_" + uuid.uuid4().hex[:24], "name": name, "input": arguments}
            stop = "tool_use"
        usage = {"input_tokens": INPUT - CACHED, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED,
                 "output_tokens": OUTPUT}
        return {"id": "msg_" + uuid.uuid4().hex[:24], "type": "message", "role": "assistant", "model": model,
                "content": [content], "stop_reason": stop, "stop_sequence": None, "usage": usage}

    def stream(self, message):
        content, usage = message["content"][0], message["usage"]
        empty = dict(content, text="") if content["type"] == "text" else dict(content, input={})
        begun = dict(message, content=[], stop_reason=None, usage=dict(usage, output_tokens=1))
        delta = ({"type": "text_delta", "text": content["text"]} if content["type"] == "text" else
                 {"type": "input_json_delta", "partial_json": json.dumps(content["input"])})
        events = [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
             "usage": {"output_tokens": usage["output_tokens"]}},
            {"type": "message_stop"},
        ]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

    def refusal(self, words):
        return {"type": "error", "error": {"type": "rate_limit_error", "message": words}}


class Responses:
    name = "openai-responses"

    def read(self, body):
        talk = Talk()
        items = body.get("input", [])
        for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
            if item.get("type", "message") == "message" and item.get("role") == "user":
                text = text_of(item.get("content"))
                if not is_context(text):
                    talk.prompt(text)
            elif str(item.get("type", "")).endswith("_output"):
                talk.outcome(str(item.get("output", "")))
        return talk, [tool.get("name", tool.get("type", "")) for tool in body.get("tools", [])]

    def message(self, answer, tools, directory, model):
        if answer[0] == "say":
            item = {"type": "message", "id": "msg_" + uuid.uuid4().hex, "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": answer[1], "annotations": []}]}
        else:
            name, arguments = tool_call(answer, tools, directory)
            item = {"type": "function_call", "id": "fc_" + uuid.uuid4().hex, "call_id": "call_" + uuid.uuid4().hex[:24],
                    "name": name, "arguments": json.dumps(arguments), "status": "completed"}
        usage = {"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": CACHED}, "output_tokens": OUTPUT,
                 "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT}
        return {"id": "resp_" + uuid.uuid4().hex, "object": "response", "status": "completed", "model": model,
                "output": [item], "usage": usage}

    def stream(self, response):
        item = response["output"][0]
        events = [
            {"type": "response.created", "response": dict(response, output=[], status="in_progress", usage=None)},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

    def refusal(self, words):
        kind = "insufficient_quota" if "quota" in words else "rate_limit_exceeded"
        return {"error": {"message": words, "type": kind, "code": kind}}


class Chat:
    name = "openai-chat"

    def read(self, body):
        talk = Talk()
        for message in body.get("messages", []):
            if message["role"] == "user" and not is_context(text_of(message["content"])):
                talk.prompt(text_of(message["content"]))
            elif message["role"] == "tool":
                talk.outcome(text_of(message["content"]))
        return talk, [tool["function"]["name"] for tool in body.get("tools", [])]

    def message(self, answer, tools, directory, model):
        message, reason = {"role": "assistant", "content": answer[1]}, "stop"
        if answer[0] != "say":
            name, arguments = tool_call(answer, tools, directory)
            call = {"index": 0, "id": "call_" + uuid.uuid4().hex[:24], "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)}}
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
                 "prompt_tokens_details": {"cached_tokens": CACHED}}
        return {"id": "chatcmpl-" + uuid.uuid4().hex, "object": "chat.completion", "created": int(time.time()),
                "model": model, "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}

    def stream(self, whole):
        choice = whole["choices"][0]
        chunk = dict(whole, object="chat.completion.chunk")
        del chunk["usage"]
        chunks = [
            dict(chunk, choices=[{"index": 0, "delta": choice["message"], "finish_reason": None}]),
            dict(chunk, choices=[{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]),
            dict(chunk, choices=[], usage=whole["usage"]),
        ]
        return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"

    def refusal(self, words):
        return {"error": {"message": words, "type": "rate_limit_exceeded", "code": "rate_limit_exceeded"}}


class Gemini:
    name = "gemini"

    def read(self, body):
        talk = Talk()
        for message in body.get("contents", []):
            if message.get("role") != "user":
                continue
            for part in message["parts"]:
                if "functionResponse" in part:
                    talk.outcome(json.dumps(part["functionResponse"]))
                elif "text" in part and not is_context(part["text"]):
                    talk.prompt(part["text"])
        tools = [declared["name"] for tool in body.get("tools", []) for declared in tool.get("functionDeclarations", [])]
        return talk, tools

    def message(self, answer, tools, directory, model):
        part = {"text": answer[1]}
        if answer[0] != "say":
            name, arguments = tool_call(answer, tools, directory)
            part = {"functionCall": {"name": name, "args": arguments}}
        usage = {"promptTokenCount": INPUT, "cachedContentTokenCount": CACHED, "candidatesTokenCount": OUTPUT,
                 "totalTokenCount": INPUT + OUTPUT}
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
                "usageMetadata": usage, "modelVersion": model}

    def stream(self, whole):
        return f"data: {json.dumps(whole)}\n\n"

    def refusal(self, words):
        return {"error": {"code": 429, "message": words, "status": "RESOURCE_EXHAUSTED"}}


def api_for(path):
    if path.endswith("/messages"):
        return Anthropic()
    if path.endswith("/responses"):
        return Responses()
    if path.endswith("/chat/completions"):
        return Chat()
    if "enerateContent" in path:
        return Gemini()
    return None


def working_directory(body):
    found = re.search(r"(?i)(?:working directory:?(?: is)?|<cwd>)\s*`?(/[^\s`\"\\<]+)", json.dumps(body))
    return found.group(1).rstrip(".") if found else ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(200, {})

    def do_GET(self):
        self.answer(200, {"data": [], "models": []})

    def do_POST(self):
        path = self.path.partition("?")[0]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        api = api_for(path)
        if api is None:
            return self.answer(200, {"input_tokens": INPUT, "totalTokens": INPUT})
        talk, tools = api.read(body)
        try:
            self.reply(api, path, body, tools, next_answer(talk, bool(tools), self.connection))
        except Refused as refused:
            self.note(api, "limit")
            self.answer(429, api.refusal(str(refused)), {"retry-after": refused.seconds})
        except HungUp:
            self.note(api, "hang")
        self.close_connection = True

    def reply(self, api, path, body, tools, step):
        message = api.message(step, tools, working_directory(body), body.get("model", "stub-model"))
        self.note(api, step[0])
        if body.get("stream") or "stream" in path:
            self.send(200, "text/event-stream", api.stream(message).encode(), {})
        else:
            self.answer(200, message)

    def note(self, api, answer):
        line = json.dumps({"agent": api.name, "answer": answer, "time": time.time()})
        with log_lock, open(sys.argv[1], "a", encoding="utf-8") as log:
            log.write(line + "\n")

    def answer(self, status, value, headers=None):
        self.send(status, "application/json", json.dumps(value).encode(), headers or {})

    def send(self, status, kind, content, headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """An agent that was killed hangs up in the middle."""


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
