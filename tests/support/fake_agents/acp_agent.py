#!/usr/bin/env python3
"""An agent that speaks ACP and does what its prompt says, line by line:

  DO say TEXT            a message            DO write FILE TEXT       a file, by itself
  DO ask COMMAND         asks whether it may run it, and then does or says that it may not
  DO question TEXT A|B   asks a person        DO wait FILE             until that file exists
  DO host-write FILE TEXT, DO host-read FILE, DO terminal COMMAND      by its host
  DO usage IN OUT        tokens               DO fail TEXT             the turn fails
  DO sleep               until it is cancelled
What it is told otherwise it says again, after "heard: ".
"""
import json
import os
import queue
import subprocess
import sys
import threading
import time

lock = threading.Lock()
answers = {}
prompts = queue.Queue()
cancelled = threading.Event()
next_id = [100]
session = "session-of-" + str(os.getpid())


def send(message):
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def update(**what):
    send({"method": "session/update", "params": {"sessionId": session, "update": what}})


def request(method, params):
    next_id[0] += 1
    box = queue.Queue()
    answers[next_id[0]] = box
    send({"id": next_id[0], "method": method, "params": {"sessionId": session, **params}})
    return box.get()


def say(text):
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})
    update(sessionUpdate="plan", entries=[])  # which ends the message


def ask(command, call):
    update(sessionUpdate="tool_call", toolCallId=call, title=command, kind="execute", status="pending",
           rawInput={"command": command})
    answer = request("session/request_permission", {
        "toolCall": {"toolCallId": call, "title": command, "kind": "execute", "rawInput": {"command": command}},
        "options": [{"optionId": "yes", "name": "Yes", "kind": "allow_once"},
                    {"optionId": "always", "name": "Always", "kind": "allow_always"},
                    {"optionId": "no", "name": "No", "kind": "reject_once"}]})
    outcome = answer["result"]["outcome"]
    allowed = outcome.get("optionId") in ("yes", "always")
    if allowed:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        text = done.stdout + done.stderr
    update(sessionUpdate="tool_call_update", toolCallId=call, status="completed" if allowed else "failed",
           content=[{"type": "content", "content": {"type": "text", "text": text if allowed else "not allowed"}}])
    say("ran it" if allowed else "may not run it")


def question(text):
    words, options = text.rsplit(" ", 1)
    answer = request("elicitation/create", {
        "mode": "form", "message": words,
        "requestedSchema": {"type": "object", "required": ["choice"],
                            "properties": {"choice": {"type": "string", "title": words, "enum": options.split("|")}}}})
    result = answer["result"]
    say("chosen: " + result["content"]["choice"] if result["action"] == "accept" else "nothing chosen")


def terminal(command):
    made = request("terminal/create", {"command": "sh", "args": ["-c", command]})
    name = made["result"]["terminalId"]
    ended = request("terminal/wait_for_exit", {"terminalId": name})["result"]
    text = request("terminal/output", {"terminalId": name})["result"]["output"]
    request("terminal/release", {"terminalId": name})
    say("terminal ended with %s: %s" % (ended["exitCode"], text.strip()))


class Failed(Exception):
    pass


def do(verb, rest, number):
    first, _, more = rest.partition(" ")
    if verb == "say":
        say(rest)
    elif verb == "write":
        with open(first, "w") as file:
            file.write(more + "\n")
    elif verb == "ask":
        ask(rest, "call-%d" % number)
    elif verb == "question":
        question(rest)
    elif verb == "wait":
        while not os.path.exists(rest) and not cancelled.is_set():
            time.sleep(0.02)
    elif verb == "host-write":
        answer = request("fs/write_text_file", {"path": os.path.join(os.getcwd(), first), "content": more})
        say("host refused" if "error" in answer else "host wrote")
    elif verb == "host-read":
        answer = request("fs/read_text_file", {"path": os.path.join(os.getcwd(), first)})
        say("host refused" if "error" in answer else "host read: " + answer["result"]["content"])
    elif verb == "terminal":
        terminal(rest)
    elif verb == "usage":
        return {"inputTokens": int(first), "outputTokens": int(more), "totalTokens": int(first) + int(more)}
    elif verb == "fail":
        raise Failed(rest)
    elif verb == "sleep":
        cancelled.wait()
    return None


def work():
    number = 0
    while True:
        identity, text = prompts.get()
        cancelled.clear()
        usage = None
        orders = [line.strip()[3:] for line in text.splitlines() if line.strip().startswith("DO ")]
        try:
            if not orders:
                say("heard: " + text.strip().splitlines()[0])
            for order in orders:
                number += 1
                verb, _, rest = order.partition(" ")
                usage = do(verb, rest, number) or usage
                if cancelled.is_set():
                    break
            result = {"stopReason": "cancelled" if cancelled.is_set() else "end_turn"}
            if usage:
                result["usage"] = usage
            send({"id": identity, "result": result})
        except Failed as failure:
            send({"id": identity, "error": {"code": -32603, "message": str(failure)}})


def main():
    global session
    threading.Thread(target=work, daemon=True).start()
    for line in sys.stdin:
        message = json.loads(line)
        method, identity, params = message.get("method"), message.get("id"), message.get("params", {})
        if method == "initialize":
            send({"id": identity, "result": {"protocolVersion": 1, "agentInfo": {"name": "fake", "version": "1"},
                                             "agentCapabilities": {"loadSession": True}}})
        elif method == "session/new":
            send({"id": identity, "result": {"sessionId": session}})
        elif method == "session/load":
            session = params["sessionId"]
            send({"id": identity, "result": {}})
        elif method == "session/prompt":
            prompts.put((identity, "".join(block.get("text", "") for block in params["prompt"])))
        elif method == "session/cancel":
            cancelled.set()
        elif identity in answers:
            answers.pop(identity).put(message)


main()
