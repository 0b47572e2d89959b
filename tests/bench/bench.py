#!/usr/bin/env python3
"""The benchmark: how long it takes from `execute` until the last agent gives its first instruction, against what
people would use instead. Every figure is a ratio of times that were taken in the same run, in alternation.

Run it by deploy/bench.sh, which builds what is measured."""
import argparse
import json
import os
import pathlib
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import daemon_share
import repositories
from tracker_server import Tracker
from ways import PLAIN, SEQUENTIAL, XARGS, Fanout, Shell

FULL = dict(rounds=5, tasks=[1, 5, 10, 20, 50, 100], files=[1000, 10_000, 30_000], packages=600, delays=[0.3, 3.0],
            repeats=100, repeat_tasks=50, ended=100, agents=50, lines=100, seconds=10, shell_most=20, adopted=20, kills=10)
SMALL = dict(rounds=2, tasks=[1, 4], files=[60], packages=3, delays=[0.05], repeats=2, repeat_tasks=3, ended=4, agents=3,
             lines=20, seconds=1, shell_most=4, adopted=3, kills=2)


def say(text):
    print(text, file=sys.stderr, flush=True)


def spread(values):
    return dict(median=statistics.median(values), least=min(values), most=max(values), rounds=len(values))


def shown(figures, unit="s"):
    return f"{figures['median']:.3g} {unit} [{figures['least']:.3g}–{figures['most']:.3g}]"


class Bench:
    def __init__(self, options, scale):
        self.options, self.scale = options, scale
        self.programs = options.build
        self.rng = random.Random(options.seed)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="fanout-bench-", dir=options.memory))
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="fanout-bench-", dir=options.disk))
        self.measured, self.extra = [], {}
        self.repositories = {}

    def clean(self):
        for folder in (self.scratch, self.disk):
            shutil.rmtree(folder, ignore_errors=True)

    def repository(self, files, packages=0, on_disk=False):
        key = (files, packages, on_disk)
        if key not in self.repositories:
            folder = (self.disk if on_disk else self.scratch) / f"repository-{files}-{packages}"
            say(f"making a repository of {files} files{', with packages' if packages else ''}")
            self.repositories[key] = repositories.make(folder, files, packages, self.options.seed)
        return self.repositories[key]

    def compare(self, title, repository, tasks, ways, tracker=None):
        """Every way once a round, in an order of its own each round."""
        samples = {way.name: [] for way in ways}
        for number in range(self.scale["rounds"]):
            for way in self.rng.sample(ways, len(ways)):
                result = way.run(repository, tasks, tracker)
                samples[way.name].append(result)
                say(f"  {title}, {tasks} tasks, round {number + 1}: {way.name} {result['seconds']:.3f} s"
                    + (f", {result['failed']} failed" if result["failed"] else ""))
        entry = dict(title=title, tasks=tasks, ways={})
        for name, results in samples.items():
            entry["ways"][name] = dict(seconds=spread([r["seconds"] for r in results]), samples=[dict(r) for r in results],
                                       failed=sum(r["failed"] for r in results))
        for way in ways[1:]:
            # Each against its neighbour of the same round: what slows the machine slows both.
            ratios = [a["seconds"] / b["seconds"] for a, b in zip(samples[ways[0].name], samples[way.name])]
            entry["ways"][way.name]["fanout_takes"] = spread(ratios)
        self.measured.append(entry)
        return entry

    def shell(self, name, script, folder, starts_agents=True):
        scratch = folder / name.replace(" ", "-").replace("&", "and")
        scratch.mkdir(exist_ok=True)
        return Shell(name, script, scratch, starts_agents)

    def shells(self, folder):
        all_of_them = [self.shell("git worktree add &", PLAIN, folder, False), self.shell("seed, sequential", SEQUENTIAL, folder),
                       self.shell("seed, xargs -P", XARGS, folder)]
        return [way for way in all_of_them if way.name in (self.options.against or way.name)]

    def few(self):
        """Numbers of tasks that the slow ways are tried with too."""
        return [n for n in self.scale["tasks"] if n <= self.scale["shell_most"]]

    def cold_and_warm(self):
        for files in self.scale["files"]:
            repository = self.repository(files)
            for warm in (False, True):
                way = Fanout(self.programs, self.scratch, name="fanout", warm=warm)
                try:
                    for tasks in self.scale["tasks"]:
                        others = self.shells(self.scratch) if tasks in self.few() else []
                        self.compare(f"{files} files, {'warm' if warm else 'cold'}", repository, tasks, [way] + others)
                finally:
                    way.stop()
                    shutil.rmtree(way.scratch)

    def packages(self):
        repository = self.repository(self.scale["files"][0], self.scale["packages"])
        for warm in (False, True):
            way = Fanout(self.programs, self.scratch, warm=warm)
            try:
                for tasks in self.few()[-2:]:
                    self.compare(f"with an installation, {'warm' if warm else 'cold'}", repository, tasks,
                                 [way] + self.shells(self.scratch)[1:])
            finally:
                way.stop()
                shutil.rmtree(way.scratch)
        # The second run of the same plan: what the first one installed is in the cache.
        way = Fanout(self.programs, self.scratch)
        try:
            tasks = self.few()[-1]
            way.run(repository, tasks)
            way.cool_down = lambda _: way.call("pool", "drain", check=False, cwd=repository)
            self.compare("with an installation, cached", repository, tasks, [way] + self.shells(self.scratch)[1:2])
        finally:
            way.stop()
            shutil.rmtree(way.scratch)

    def on_disk(self):
        repository = self.repository(self.scale["files"][-1], on_disk=True)
        way = Fanout(self.programs, self.disk)
        try:
            for tasks in self.few():
                self.compare("on disk, cold", repository, tasks,
                             [way, self.shell("seed, sequential", SEQUENTIAL, self.disk)])
        finally:
            way.stop()

    def with_tracker(self):
        repository = self.repository(self.scale["files"][0])
        for delay in self.scale["delays"]:
            tracker = Tracker(delay)
            way = Fanout(self.programs, self.scratch, tracker, warm=True)
            try:
                for tasks in self.scale["tasks"]:
                    # The sequential procedure waits for every issue: known without waiting for it a hundred times.
                    others = [self.shell("seed, xargs -P", XARGS, self.scratch)] if tasks in self.few() else []
                    if tasks in self.few() and tasks * delay <= 20:
                        others.append(self.shell("seed, sequential", SEQUENTIAL, self.scratch))
                    self.compare(f"tracker at {delay:g} s, warm", repository, tasks, [way] + others, tracker)
            finally:
                way.stop()
                tracker.stop()
                shutil.rmtree(way.scratch)

    def many_repeats(self):
        repository = self.repository(self.scale["files"][0])
        way = Fanout(self.programs, self.scratch)
        failed = started = 0
        try:
            for number in range(self.scale["repeats"]):
                result = way.run(repository, self.scale["repeat_tasks"])
                failed += result["failed"]
                started += self.scale["repeat_tasks"]
                if number % 10 == 9:
                    say(f"  repeat {number + 1}: {failed} of {started} setups failed")
            self.extra["repeats"] = dict(repeats=self.scale["repeats"], tasks=self.scale["repeat_tasks"], failed=failed)
        finally:
            way.stop()
            shutil.rmtree(way.scratch)

    def daemon_itself(self):
        repository = self.repository(self.scale["files"][0])
        way = Fanout(self.programs, self.scratch)
        try:
            self.extra["at_rest"] = daemon_share.at_rest(way, repository, self.scale["ended"])
            say(f"  at rest: {self.extra['at_rest']}")
            self.extra["latency"] = daemon_share.latency(way, repository, self.scale["agents"], self.scale["lines"],
                                                         self.scale["seconds"])
            say(f"  latency: {self.extra['latency']}")
        finally:
            way.stop()
            shutil.rmtree(way.scratch)

    def recovery(self):
        repository = self.repository(self.scale["files"][0])
        way = Fanout(self.programs, self.scratch)
        try:
            self.extra["recovery"] = daemon_share.recovery(way, self.programs, repository, self.scale["adopted"], self.scale["kills"])
            say(f"  recovery: {self.extra['recovery']}")
        finally:
            way.stop()
            shutil.rmtree(way.scratch)

    def entry(self, title, tasks):
        return next((e for e in self.measured if e["title"] == title and e["tasks"] == tasks), None)

    def seconds(self, title, tasks, way="fanout"):
        entry = self.entry(title, tasks)
        return entry["ways"][way]["seconds"]["median"] if entry and way in entry["ways"] else None

    def goals(self):
        """Each of the goals, with what was measured; those whose figures are not among this run's are left out."""
        large, small, tracked = self.scale["files"][-1], self.scale["files"][0], f"tracker at {self.scale['delays'][0]:g} s, warm"
        last, first = self.scale["tasks"][-1], self.scale["tasks"][1] if len(self.scale["tasks"]) > 2 else self.scale["tasks"][0]
        found = []

        def goal(what, wanted, got, reached):
            found.append(dict(what=what, goal=wanted, measured=got, reached=reached))

        def ratio(what, wanted, limit, title, tasks, way):
            entry = self.entry(title, tasks)
            if entry and way in entry["ways"]:
                figures = entry["ways"][way]["fanout_takes"]
                goal(what, wanted, f"1/{1 / figures['median']:.3g} [1/{1 / figures['least']:.3g}–1/{1 / figures['most']:.3g}]",
                     figures["median"] <= limit)

        most, ten = self.few()[-1], 10 if 10 in self.few() else self.few()[-1]
        ratio(f"warm, {most} tasks, {large} files, against `git worktree add &`", "at most 1/50", 1 / 50,
              f"{large} files, warm", most, "git worktree add &")
        ratio(f"cold, {ten} tasks, {large} files, tmpfs, against `git worktree add &`", "at most 1/2", 1 / 2,
              f"{large} files, cold", ten, "git worktree add &")
        disk = [e for e in self.measured if e["title"] == "on disk, cold"]
        if disk:
            worst = max(e["ways"]["seed, sequential"]["fanout_takes"]["median"] for e in disk)
            goal("cold on disk against sequential `git worktree add`", "never slower, at any N", f"at worst {worst:.2f} of its time",
                 worst <= 1)
        if self.seconds(tracked, last):
            growth = self.seconds(tracked, last) / self.seconds(tracked, first)
            goal(f"growth warm, T({last})/T({first}), {tracked[:-6]}", "at most 1.2", f"{growth:.2f}", growth <= 1.2)
        slow = self.entry(f"tracker at {self.scale['delays'][-1]:g} s, warm", most)
        if slow:
            samples = slow["ways"]["fanout"]["samples"]
            asked, took = max(s["issues_asked"] for s in samples), max(s["seconds"] for s in samples)
            goal(f"tracker at {self.scale['delays'][-1]:g} s, {most} tasks: all issues asked for, and no agent waits",
                 "within 1 s", f"asked for within {asked:.2f} s; last agent after {took:.2f} s", asked <= 1 and took < self.scale["delays"][-1])
        self.goal_of_efficiency(goal, large, most)
        if "repeats" in self.extra:
            r = self.extra["repeats"]
            goal(f"setup failures in {r['repeats']} repeats of {r['tasks']} tasks", "0", str(r["failed"]), r["failed"] == 0)
        if "at_rest" in self.extra:
            r = self.extra["at_rest"]
            goal(f"daemon at rest with {r['ended']} ended tasks", "below 40 MB, no git process, no polling",
                 f"{r['memory'] / 2**20:.0f} MB, {r['children']} processes, {r['switches_per_second']:.1f} wake-ups a second",
                 r["memory"] < 40 * 2**20 and r["children"] == 0 and r["switches_per_second"] < 0.5)
        if "recovery" in self.extra:
            r = self.extra["recovery"]
            median = statistics.median(r["readopted"])
            goal(f"killed with {r['agents']} agents at work: a line of each recorded by the next daemon", "within 0.5 s of its start",
                 f"{median:.2f} s [{r['readopted'][0]:.2f}–{r['readopted'][-1]:.2f}] in {r['kills']} kills; each supervisor "
                 f"{r['supervisor'] / 2**20:.1f} MB, daemon {r['daemon'] / 2**20:.0f} MB", median < 0.5)
        if "latency" in self.extra:
            r = self.extra["latency"]
            goal(f"event latency, agent's line → client, {r['agents']} agents × {r['rate']} lines/s", "p99 below 20 ms, no loss",
                 f"p99 {r['p99'] * 1000:.1f} ms, {r['lost']} of {r['lines']} lost", r["p99"] < 0.02 and r["lost"] == 0)
        return found

    def goal_of_efficiency(self, goal, files, tasks):
        """By the seed's formula: sequential is its procedure in shell, ideal is one task by itself."""
        for state in ("cold", "warm"):
            title = f"{files} files, {state}"
            entry, ideal = self.entry(title, tasks), self.seconds(title, 1)
            if not entry or ideal is None or "seed, sequential" not in entry["ways"]:
                continue
            sequential = entry["ways"]["seed, sequential"]["seconds"]["median"]
            share = (sequential - entry["ways"]["fanout"]["seconds"]["median"]) / (sequential - ideal)
            goal(f"parallel efficiency by the seed's formula, N = {tasks}, {state}", "above 95 %", f"{share * 100:.1f} %", share > 0.95)

    def report(self):
        table = ["", "| what | tasks | way | seconds [least–most] | Fanout takes |", "|---|---|---|---|---|"]
        for entry in self.measured:
            for name, way in entry["ways"].items():
                takes = way.get("fanout_takes")
                table.append(f"| {entry['title']} | {entry['tasks']} | {name}"
                             + (f" ({way['failed']} failed)" if way["failed"] else "")
                             + f" | {shown(way['seconds'])} | {shown(takes, '×') if takes else ''} |")
        table += ["", "| goal | wanted | measured | reached |", "|---|---|---|---|"]
        for goal in self.goals():
            table.append(f"| {goal['what']} | {goal['goal']} | {goal['measured']} | {'yes' if goal['reached'] else '**no**'} |")
        print("\n".join(table))
        machine = dict(cpus=os.cpu_count(), kernel=platform.release(), load=os.getloadavg(),
                       git=subprocess.run(["git", "--version"], capture_output=True, text=True).stdout.strip())
        self.options.out.write_text(json.dumps(dict(time=time.strftime("%F %T"), machine=machine, measured=self.measured,
                                                    extra=self.extra, goals=self.goals()), indent=1) + "\n")
        say(f"wrote {self.options.out}")


PARTS = {"setup": Bench.cold_and_warm, "packages": Bench.packages, "disk": Bench.on_disk, "tracker": Bench.with_tracker,
         "repeats": Bench.many_repeats, "daemon": Bench.daemon_itself, "recovery": Bench.recovery}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), required=True, help="folder of the build that is measured")
    parser.add_argument("--small", action="store_true", help="everything once or twice, in seconds: to keep it alive")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be repeated")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--tasks", type=lambda t: [int(n) for n in t.split(",")])
    parser.add_argument("--files", type=lambda t: [int(n) for n in t.split(",")])
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--against", action="append", help="in part setup: this way only, such as 'git worktree add &'; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default="/dev/shm" if os.path.isdir("/dev/shm") else None, help="folder in memory")
    parser.add_argument("--disk", default="/var/tmp", help="folder on a disk")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("bench.json"))
    options = parser.parse_args()
    scale = dict(SMALL if options.small else FULL)
    for name in ("rounds", "tasks", "files", "repeats"):
        if getattr(options, name):
            scale[name] = getattr(options, name)
    bench = Bench(options, scale)
    try:
        for name in options.only or PARTS:
            say(name)
            PARTS[name](bench)
        bench.report()
    finally:
        bench.clean()


if __name__ == "__main__":
    main()
