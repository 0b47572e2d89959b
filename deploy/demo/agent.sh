#!/bin/sh
# The demo's agent: no model, no key, no network. It reads its task from the environment, as every agent
# can, takes a moment over it, writes the file and commits (all but one, to show what Fanout does then).
set -eu
say() { echo "$1"; sleep "${DEMO_PACE:-0.4}"; }

say "Reading the prompt ($(wc -l < "$FANOUT_PROMPT_FILE") lines)"
case $FANOUT_TASK_ID in
  readme)
    say "Looking around: $(git ls-files | wc -l) files"
    printf '# Demo\n\nA small project that grew by several hands at once.\n' > README.md
    say "Wrote README.md"
    git add README.md && git commit -q -m "docs: add a README" ;;
  license)
    printf 'MIT License\n\nPermission is hereby granted, free of charge, to any person …\n' > LICENSE
    say "Wrote LICENSE"
    say "Leaving the commit to Fanout" ;;
  ci)
    mkdir -p .github/workflows
    say "Choosing the runner"
    printf 'on: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n' \
      > .github/workflows/ci.yml
    say "Wrote .github/workflows/ci.yml"
    git add .github && git commit -q -m "ci: run the tests on every push" ;;
  site)
    say "Found $(head -n 1 README.md) and $(head -n 1 LICENSE)"
    mkdir -p site
    printf '<h1>%s</h1>\n<footer>%s</footer>\n' "$(head -n 1 README.md)" "$(head -n 1 LICENSE)" > site/index.html
    say "Wrote site/index.html"
    git add site && git commit -q -m "feat: build the site" ;;
  broken)
    printf 'echo "1 of 3 checks fails" >&2\nexit 1\n' > check.sh
    say "Wrote check.sh"
    git add check.sh && git commit -q -m "test: add a check" ;;
esac
say "Done"
