"""The ways of setting up that are compared. Each takes a repository and a number of tasks, and tells when the last
agent gave its first instruction."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.request

# An agent: its first instruction makes a file, which tells when that was, and starts no program that others would have to
# wait for; then it works for longer than anything here takes.
AGENT = ': > "$BENCH_OUT/$FANOUT_TASK_ID"; exec sleep 3600'
# How long before a file was made it may say that it was: files are dated by the coarse clock of Linux.
CLOCK_REALTIME_COARSE = 5
TICK = time.clock_getres(CLOCK_REALTIME_COARSE)

# The seed's procedure, step by step as its main agent did it, and its parallel script. `issue` is nothing without a tracker.
STEPS = """
issue() { [ -z "$BENCH_TRACKER" ] || curl -s -o /dev/null -X POST -d '{}' "$BENCH_TRACKER/repos/octo/hello/issues"; }
worktree() { git worktree add -q -b "feature/task-$1" "worktrees/task-$1" main >/dev/null 2>>"$BENCH_OUT/../errors" || echo "task-$1" >> "$BENCH_OUT/../failed"; }
install() { [ ! -x "worktrees/task-$1/install.sh" ] || (cd "worktrees/task-$1" && ./install.sh); }
agent() { (cd "worktrees/task-$1" 2>/dev/null || cd .; FANOUT_TASK_ID=task-$1 exec setsid sh -c "$BENCH_AGENT" >/dev/null 2>&1 </dev/null) & }
"""
SEQUENTIAL = STEPS + """
for i in $(seq 1 "$1"); do issue "$i"; done
for i in $(seq 1 "$1"); do worktree "$i"; install "$i"; done
for i in $(seq 1 "$1"); do agent "$i"; done
"""
XARGS = STEPS + """
export STEPS
seq 1 "$1" | xargs -P "$1" -I{} sh -c "$STEPS"'
issue "$0"; worktree "$0"; install "$0"; agent "$0"' {}
"""
PLAIN = STEPS + """
for i in $(seq 1 "$1"); do worktree "$i" & done
wait
"""


class Result(dict):
    """seconds, and whatever else was measured."""


def remove_worktrees(repository):
    shutil.rmtree(repository / "worktrees", ignore_errors=True)
    subprocess.run(["git", "-C", repository, "worktree", "prune"], check=True)
    branches = subprocess.run(["git", "-C", repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature", "refs/fanout"],
                              check=True, capture_output=True, text=True).stdout.split()
    if branches:
        subprocess.run(["git", "-C", repository, "update-ref", "--stdin"], check=True, text=True,
                       input="".join(f"delete {name}\n" for name in branches))


def wait_for_agents(out, count, deadline):
    """Until all have told their first instruction; the last of them, in seconds since the epoch."""
    while len(os.listdir(out)) < count:
        if time.time() > deadline:
            raise TimeoutError(f"{len(os.listdir(out))} of {count} agents after {deadline:.0f}")
        time.sleep(0.005)
    return max(file.stat().st_mtime for file in out.iterdir()) + TICK


class Shell:
    """One of the scripts above."""

    def __init__(self, name, script, scratch, starts_agents=True, patience=1800):
        self.name, self.script, self.scratch = name, script, scratch
        self.starts_agents, self.patience = starts_agents, patience

    def run(self, repository, tasks, tracker=None):
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (self.scratch / "failed").unlink(missing_ok=True)
        environment = dict(os.environ, BENCH_OUT=str(out), BENCH_AGENT=AGENT, STEPS=STEPS,
                           BENCH_TRACKER=tracker.url if tracker else "")
        if tracker:
            tracker.clear()
        began = time.time()
        subprocess.run(["sh", "-c", self.script, "sh", str(tasks)], cwd=repository, env=environment, check=True,
                       timeout=self.patience)
        ended = wait_for_agents(out, tasks, began + self.patience) if self.starts_agents else time.time()
        failed = (self.scratch / "failed").read_text().count("\n") if (self.scratch / "failed").exists() else 0
        if self.starts_agents:
            end_agents(repository)
        remove_worktrees(repository)
        return Result(seconds=ended - began, failed=failed, requests=tracker.requests if tracker else 0)


def end_agents(repository):
    """Those that a script left: their folder is below the repository."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(f"{repository}/worktrees/"):
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            pass


class Fanout:
    """A daemon of its own, kept for all rounds."""

    def __init__(self, programs, scratch, tracker=None, name="fanout", warm=False, patience=900):
        self.name, self.warm, self.patience, self.tracker = name, warm, patience, tracker
        self.fanout, self.scratch = str(programs / "client/fanout"), scratch / name
        self.scratch.mkdir()
        self.socket, self.state = self.scratch / "run/fanoutd.sock", self.scratch / "state"
        self.environment = dict(os.environ, FANOUT_CONFIG=str(self.scratch / "config/config.toml"))
        if tracker:
            self.environment.update(tracker.environment())
            # GitHub allows 80 new things a minute and 500 an hour: what one round may send must not depend on the ones before.
            (self.scratch / "config").mkdir()
            (self.scratch / "config/config.toml").write_text("[github]\nburst = 1000\nper_minute = 100000\nper_hour = 100000\npoints_per_minute = 100000\n")
        self.log = open(self.scratch / "log", "w")
        self.start(programs)

    def start(self, programs):
        """Starts the daemon and waits until it answers; the moment of its start, in seconds since the epoch."""
        began = time.time()
        self.daemon = subprocess.Popen(
            [programs / "server/fanoutd", "--socket", self.socket, "--state", self.state, "--config",
             self.scratch / "config/config.toml", "--http", "127.0.0.1:0", "--log-level", "warn"], stderr=self.log, env=self.environment)
        while not self.answers():
            if self.daemon.poll() is not None:
                raise RuntimeError(f"fanoutd does not start: {(self.scratch / 'log').read_text()}")
            time.sleep(0.02)
        info = self.call("daemon", "status")
        self.address, self.token = info["httpAddress"], (self.state / "http-token").read_text().strip()
        return began

    def answers(self):
        return self.call("daemon", "status", check=False) is not None

    def call(self, *words, check=True, cwd="/"):
        done = subprocess.run([self.fanout, "--socket", self.socket, "--no-start", "--json", *map(str, words)],
                              capture_output=True, text=True, env=self.environment, cwd=cwd)
        if done.returncode != 0 and check:
            raise RuntimeError(f"fanout {' '.join(map(str, words))}: {done.stderr or done.stdout}")
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None

    def readings(self):
        """What the daemon tells Prometheus."""
        request = urllib.request.Request(f"http://{self.address}/metrics", headers={"Authorization": f"Bearer {self.token}"})
        lines = urllib.request.urlopen(request, timeout=60).read().decode().splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line and line[0] != "#" and "{" not in line}

    def plan(self, repository, tasks, agent=AGENT, more=""):
        setup = '["./install.sh"]' if (repository / "install.sh").exists() else "[]"
        text = (f"metadata: {{name: bench}}\nrepo: {repository}\nsetup: {setup}\ncache: [node_modules]\nverify: []\n"
                f"pool: {'true' if self.warm else 'false'}\npool_size: {max(tasks, 1)}\npool_space: 200GB\n"
                f"max_parallel: {max(tasks, 1)}\nallow_empty: true\npush: false\nwrite_status: false\nstall_timeout: off\n"
                f"env: {{BENCH_OUT: {self.scratch / 'out'}}}\nsandbox_write: [{self.scratch / 'out'}]\n"
                + ("tracker: {name: github, mode: per-task}\npull_request: false\n" if self.tracker else "") + more + "tasks:\n")
        for number in range(1, tasks + 1):
            text += f"  - {{id: task-{number}, prompt: work, agent: {json.dumps(agent)}}}\n"
        file = self.scratch / "plan.yaml"
        file.write_text(text)
        return file

    def warm_up(self, plan, tasks, repository):
        self.call("pool", "warm", tasks, plan, "--wait", cwd=repository)

    def run(self, repository, tasks, tracker=None):
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        plan = self.plan(repository, tasks)
        if self.warm:
            self.warm_up(plan, tasks, repository)
        else:
            self.cool_down(repository)
        if self.tracker:
            self.tracker.clear()
        before = self.readings()
        began = time.time()
        run = self.call("execute", plan, "--detach")
        run = run.get("run", run).get("id") or run["runId"]
        ended = wait_for_agents(out, tasks, began + self.patience)
        if self.tracker:
            self.wait_for_issues(tasks)
        after = self.readings()
        figures = self.call("metrics", run)["runs"][0]
        result = Result(seconds=ended - began, began=began, failed=figures["setupFailures"],
                        cpu=after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"],
                        rpcs=after["fanout_rpcs_total"] - before["fanout_rpcs_total"],
                        memory=after["process_resident_memory_bytes"],
                        efficiency=figures.get("parallelEfficiency"), requests=self.tracker.requests if self.tracker else 0,
                        issues_asked=max(self.tracker.asked) - began if self.tracker and self.tracker.asked else None,
                        run=run)
        self.call("cancel", run)
        self.wait_for_end(run)
        # What it would make for the next run must not slow down what is measured next.
        self.call("pool", "drain", check=False, cwd=repository)
        remove_worktrees(repository)
        return result

    def cool_down(self, repository):
        """Without a pool, and without what was installed before."""
        self.call("pool", "drain", check=False, cwd=repository)
        shutil.rmtree(repository / ".git/fanout/environments", ignore_errors=True)

    def wait_for_issues(self, tasks):
        deadline = time.time() + self.patience
        while self.tracker.issues < tasks and time.time() < deadline:
            time.sleep(0.01)

    def wait_for_end(self, run):
        deadline = time.time() + self.patience
        while self.call("status", run)["run"]["state"] == "RUN_STATE_RUNNING":
            if time.time() > deadline:
                raise TimeoutError(f"run {run} does not end")
            time.sleep(0.05)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(120)
        self.log.close()
