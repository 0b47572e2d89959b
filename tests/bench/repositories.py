"""Repositories for the benchmark: the same seed gives the same files, and so the same commits."""
import math
import pathlib
import random
import subprocess

WORDS = ("setup tree index cache agent worktree branch commit event phase deadline signal queue socket shim run task "
         "plan gate retry limit token path folder file link mode blob hash pool slot timer value error").split()
INSTALL = """#!/bin/sh
# What a package manager does, as far as files go: many small ones, in many folders.
set -e
mkdir -p node_modules/.cache
i=0
while [ $i -lt %d ]; do
  mkdir -p node_modules/p$i/lib
  cp package-lock.json node_modules/p$i/index.js
  for part in a b c d; do cp package.json node_modules/p$i/lib/$part.js; done
  i=$((i + 1))
done
"""


def git(folder, *arguments, **options):
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, **options).stdout


def size_of(rng):
    """Most files are small, a few are large: as in real repositories, median 3 kB, mean 8 kB."""
    return max(1, min(400_000, int(math.exp(rng.gauss(math.log(3000), 1.4)))))


def text_of(rng, size):
    """Compresses about as source does."""
    line = " ".join(rng.choices(WORDS, k=12)) + "\n"
    lines = []
    total = 0
    while total < size:
        cut = line[rng.randrange(len(line) // 2):]
        lines.append(cut)
        total += len(cut)
        if rng.random() < 0.3:
            line = " ".join(rng.choices(WORDS, k=rng.randint(4, 14))) + "\n"
    return "".join(lines)[:size].encode()


def paths(rng, count):
    """Folders of about ten files, nested up to six deep."""
    folders = [""]
    for number in range(count):
        if number % 10 == 0:
            parent = rng.choice(folders[-50:])
            depth = parent.count("/")
            folder = f"{parent if depth < 6 else ''}{rng.choice(WORDS)}{number // 10}/"
            folders.append(folder)
        yield f"{folders[-1]}{rng.choice(WORDS)}_{number}.{rng.choice(['c', 'py', 'js', 'md', 'json'])}"


def make(folder, files, packages=0, seed=1):
    """A repository of `files` files on branch main, with an origin that looks like GitHub's. With `packages` it has a
    lock file and a script that installs so many."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    rng = random.Random(f"{seed}/{files}/{packages}")
    git(folder, "init", "-q", "-b", "main")
    for name, value in (("user.name", "Bench"), ("user.email", "bench@example.com"), ("gc.auto", "0")):
        git(folder, "config", name, value)
    stream = [b"commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 5\nbegin\n"]

    def add(path, data, mode=b"100644"):
        stream.append(b"M %s inline %s\ndata %d\n" % (mode, path.encode(), len(data)) + data + b"\n")

    add(".gitignore", b"node_modules/\nworktrees/\n")
    if packages:
        add("package.json", b'{"name": "bench", "version": "1.0.0"}\n' + b" " * 1200)
        add("package-lock.json", text_of(rng, 3000))
        add("install.sh", (INSTALL % packages).encode(), b"100755")
    for path in paths(rng, files):
        add(path, text_of(rng, size_of(rng)))
    git(folder, "fast-import", "--quiet", input=b"".join(stream))
    git(folder, "repack", "-a", "-d", "-q")
    git(folder, "checkout", "-q", "-f", "main")
    git(folder, "remote", "add", "origin", "https://github.com/octo/hello.git")
    return folder
