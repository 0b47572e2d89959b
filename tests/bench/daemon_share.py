"""What the daemon costs when nothing goes on, how fast an agent's line reaches a client, and how fast it is back."""
import calendar
import json
import os
import pathlib
import subprocess
import threading
import time

# Tells the time in every line, `rate` times a second, by a clock that does not drift with the work.
SPEAKER = """import sys, time
rate, seconds = {rate}, {seconds}
begin = max(time.time(), {start})
for n in range(rate * seconds):
    time.sleep(max(0, begin + n / rate - time.time()))
    print("at %d" % time.time_ns(), flush=True)
"""


def children_of(pid):
    """All processes below the daemon."""
    return subprocess.run(["ps", "--ppid", str(pid), "-o", "comm="], capture_output=True, text=True).stdout.split()


def switches(pid):
    """How often its threads were woken."""
    total = 0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (thread / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def at_rest(way, repository, ended, watched=10):
    """With so many tasks that have ended."""
    plan = way.plan(repository, ended, agent="exit 0")
    run = way.call("execute", plan, "--detach")
    way.wait_for_end(run.get("run", run)["id"])
    time.sleep(2)  # what ends after the run has ended
    pid = way.daemon.pid
    before, began = switches(pid), time.time()
    time.sleep(watched)
    woken = (switches(pid) - before) / (time.time() - began)
    return dict(ended=ended, memory=memory(pid), children=len(children_of(pid)), switches_per_second=woken)


def supervisors():
    """What each supervisor of an agent has in memory, in bytes, without what all of them share."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == "fanout-shim":
                found.append(memory(entry.name))
        except OSError:
            pass
    return found


def recovery(way, programs, repository, agents, kills):
    """Killed while agents print a line every 20 ms: from the next daemon's start until a line of each, printed since, is recorded."""
    speaker = way.scratch / "speaker.py"
    speaker.write_text(SPEAKER.format(rate=50, seconds=600, start=0))
    plan = way.plan(repository, agents, agent=f"exec python3 {speaker}", more=f"sandbox_read: [{speaker}]\n")
    run = way.call("execute", plan, "--detach")
    run = run.get("run", run)["id"]
    times, answered = [], []
    held = dict(supervisor=0, daemon=0)
    for _ in range(kills):
        wait_for_lines(way, run, agents, time.time_ns())
        held = dict(supervisor=max(held["supervisor"], *supervisors()), daemon=max(held["daemon"], memory(way.daemon.pid)))
        way.daemon.kill()
        way.daemon.wait()
        began = way.start(programs)
        answered.append(time.time() - began)
        times.append(wait_for_lines(way, run, agents, int(began * 1e9)) - began)
    way.call("cancel", run)
    way.wait_for_end(run)
    return dict(agents=agents, kills=kills, readopted=sorted(times), answered=sorted(answered), **held)


def wait_for_lines(way, run, agents, since):
    """Until a line of each agent is recorded that was printed after `since`; when the last of them was, in seconds."""
    client = subprocess.Popen([way.fanout, "--socket", way.socket, "--json", "watch", run], stdout=subprocess.PIPE, env=way.environment)
    recorded = {}
    try:
        for line in client.stdout:
            event = json.loads(line)
            for said in event.get("output", {}).get("lines", []):
                if said["text"].startswith("at ") and int(said["text"][3:]) > since:
                    recorded.setdefault(event["taskId"], seconds_of(event["time"]))
            if len(recorded) == agents:
                return max(recorded.values())
        raise RuntimeError(f"the run ended with {len(recorded)} of {agents} agents heard")
    finally:
        client.kill()
        client.wait()


def seconds_of(timestamp):
    """Of a time as protobuf writes it in JSON."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


def latency(way, repository, agents, rate, seconds):
    """From the moment that an agent took before it wrote a line until a client has the line, once all agents are there."""
    speaker = way.scratch / "speaker.py"
    speaker.write_text(SPEAKER.format(rate=rate, seconds=seconds, start=time.time() + 5 + agents / 10))
    plan = way.plan(repository, agents, agent=f"exec python3 {speaker}", more=f"sandbox_read: [{speaker}]\n")
    run = way.call("execute", plan, "--detach")
    run = run.get("run", run)["id"]
    client = subprocess.Popen([way.fanout, "--socket", way.socket, "--json", "watch", run], stdout=subprocess.PIPE, env=way.environment)
    came = []

    def read():
        for line in client.stdout:
            came.append((time.time_ns(), line))

    reader = threading.Thread(target=read)
    reader.start()
    client.wait(600)
    reader.join()
    taken = []
    for at, line in came:
        event = json.loads(line)
        for said in event.get("output", {}).get("lines", []):
            if said["text"].startswith("at "):
                taken.append((at - int(said["text"][3:])) / 1e9)
    taken.sort()
    lines = agents * rate * seconds
    share = lambda part: taken[min(len(taken) - 1, int(len(taken) * part))] if taken else float("inf")
    return dict(agents=agents, rate=rate, lines=lines, lost=lines - len(taken), p50=share(0.5), p99=share(0.99), most=share(1))
