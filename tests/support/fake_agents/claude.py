#!/usr/bin/env python3
"""Speaks Claude Code's stream-json, both ways, and does what its prompt says, line by line:

  DO say TEXT    DO begin TEXT (of a message, in pieces of a word)    DO write FILE TEXT    DO wait FILE
  DO ask COMMAND    DO fail TEXT
What it is told otherwise it says again, after "heard: ".
"""
import json
import os
import subprocess
import sys
import time

session = sys.argv[sys.argv.index("--resume") + 1] if "--resume" in sys.argv else "claude-session-%d" % os.getpid()
if "--version" in sys.argv:
    print("9.9.9 (Fake Code)")
    sys.exit(0)
lines = iter(sys.stdin.readline, "")
turns = 0


def send(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def assistant(**content):
    send(type="assistant", session_id=session, parent_tool_use_id=None,
         message={"id": "m%d" % turns, "role": "assistant", "content": [content], "usage": {"output_tokens": 1}})


def ask(command, number):
    identity = "toolu_%d" % number
    assistant(type="tool_use", id=identity, name="Bash", input={"command": command})
    send(type="control_request", request_id="ask-%d" % number,
         request={"subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": identity, "input": {"command": command}})
    for line in lines:
        message = json.loads(line)
        if message.get("type") == "control_response":
            break
    allowed = message["response"]["response"]["behavior"] == "allow"
    text = subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout if allowed else "denied"
    send(type="user", session_id=session, message={"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": identity, "content": text, "is_error": not allowed}]})


def turn(text):
    global turns
    turns += 1
    send(type="system", subtype="init", session_id=session, cwd=os.getcwd(), model="fake-1", tools=["Bash"],
         claude_code_version="9.9.9")
    failure = None
    orders = [line.strip()[3:] for line in text.splitlines() if line.strip().startswith("DO ")]
    if not orders:
        assistant(type="text", text="heard: " + text.strip().splitlines()[0])
    for number, order in enumerate(orders):
        verb, _, rest = order.partition(" ")
        first, _, more = rest.partition(" ")
        if verb == "say":
            assistant(type="text", text=rest)
        elif verb == "begin":
            for word in rest.split(" "):
                send(type="stream_event", session_id=session, parent_tool_use_id=None,
                     event={"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word + " "}})
        elif verb == "write":
            with open(first, "w") as file:
                file.write(more + "\n")
        elif verb == "wait":
            while not os.path.exists(rest):
                time.sleep(0.02)
        elif verb == "ask":
            ask(rest, number)
        elif verb == "fail":
            failure = rest
    send(type="result", subtype="error_during_execution" if failure else "success", is_error=bool(failure),
         result=failure or "all done", num_turns=turns, duration_ms=1, session_id=session, total_cost_usd=0.25 * turns,
         usage={"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0},
         modelUsage={"fake-1": {"inputTokens": 10 * turns, "outputTokens": 5 * turns, "cacheReadInputTokens": 100 * turns,
                                "cacheCreationInputTokens": 0, "costUSD": 0.25 * turns}},
         permission_denials=[])


for line in lines:
    message = json.loads(line)
    if message["type"] == "control_request":
        send(type="control_response", response={"subtype": "success", "request_id": message["request_id"], "response": {}})
    elif message["type"] == "user":
        turn("".join(block.get("text", "") for block in message["message"]["content"]))
