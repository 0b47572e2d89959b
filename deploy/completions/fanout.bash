# bash completion for fanout. Runs and tasks are asked of the daemon, if one answers; none is started.

# _fanout_status [RUN]: what `fanout status` tells, as JSON; nothing when no daemon answers within 2 s.
_fanout_status() {
  timeout 2 "${fanout_program[@]}" --no-start --json status "$@" 2>/dev/null </dev/null
}

# _fanout_runs STATES: ids of the runs in one of the states (A|B…), newest first.
_fanout_runs() {
  _fanout_status | sed 's/{"id":"/\n&/g' |
    sed -nE 's/^\{"id":"([^"]*)","name":.*"state":"RUN_STATE_('"$1"')".*/\1/p' | awk '!seen[$0]++'
}

# _fanout_tasks RUN PHASES: ids of the run's tasks in one of the phases.
_fanout_tasks() {
  _fanout_status "$1" | sed 's/{"taskId":"/\n&/g' |
    sed -nE 's/^\{"taskId":"([^"]*)".*"phase":"PHASE_('"$2"')".*/\1/p'
}

# _fanout_logs RUN: names of logs that the run's tasks may have.
_fanout_logs() {
  printf '%s\n' agent.stdout agent.stderr prompt.md setup.log verify.log
  _fanout_status "$1" | grep -oE '"log":"[^"]+"' | cut -d'"' -f4 | sort -u
}

# _fanout_agents: names from the user's configuration.
_fanout_agents() {
  sed -nE 's/^[[:space:]]*\[agents\."?([A-Za-z0-9_-]+)"?\].*/\1/p' \
    "${FANOUT_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/fanout/config.toml}" 2>/dev/null
}

# _fanout_offer WORD...: those that begin with what is typed. Ids hold no character that must be quoted.
_fanout_offer() {
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# _fanout_files COMPGEN-OPTION...
_fanout_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$@" -- "$cur")
}

# _fanout_value OPTION: what may stand behind it. Returns 1 when nothing is known.
_fanout_value() {
  case $1 in
    --plan-from) _fanout_files -f ;;
    --socket | --svg | --file | --files) _fanout_files -f ;;
    --plan)
      _fanout_files -f -X '!*.yaml'
      _fanout_files -f -X '!*.yml'
      _fanout_files -d ;;
    --priority) _fanout_offer blocker high medium low ;;
    --limit) _fanout_offer 10 30 100 ;;
    --id | --depends | --prompt | --label) ;;
    --repo | --repository) _fanout_files -d ;;
    --agent)
      _fanout_offer claude codex gemini opencode "$(_fanout_agents)"
      _fanout_files -f ;;
    --fallback) _fanout_offer claude codex gemini opencode "$(_fanout_agents)" ;;
    --race) _fanout_offer 2 3 4 claude,codex ;;
    --gate-retries) _fanout_offer 0 1 2 3 ;;
    --budget-tokens) _fanout_offer 200k 1M 5M ;;
    --budget-money) _fanout_offer 1 5 20 ;;
    --budget-time) _fanout_offer 15m 30m 1h ;;
    --judge | --budget-turns) ;;
    --into) _fanout_offer "$(git for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)" ;;
    --base) _fanout_offer "HEAD $(git for-each-ref --format='%(refname:short)' refs/heads refs/tags 2>/dev/null)" ;;
    --remote) _fanout_offer "$(git remote 2>/dev/null)" ;;
    --tracker) _fanout_offer github none ;;
    --approve) _fanout_offer never edits safe all ;;
    --answer-timeout) _fanout_offer 10m 1h 8h ;;
    --model | --option | --text) ;;
    --tracker-mode) _fanout_offer per-task tracking auto ;;
    --auto-merge) _fanout_offer merge squash rebase off ;;
    --sandbox) _fanout_offer off workspace strict ;;
    --ci-retries) _fanout_offer 0 1 2 3 ;;
    --host) _fanout_offer github.com ;;
    --scope) _fanout_offer repo public_repo read:org workflow project ;;
    --timeout) _fanout_offer 15m 30m 1h 2h ;;
    --log) _fanout_offer "$(_fanout_logs "${positional[1]:+${positional[0]}}")" ;;
    --retries) _fanout_offer 0 1 2 3 ;;
    --allow-nested) _fanout_offer 1 2 3 ;;
    --nested-tasks) _fanout_offer 4 8 16 ;;
    --max-parallel | --after | --attempt | --client-id | --lines | -n) ;;
    *) return 1 ;;
  esac
}

# What stands at the place of the argument that is typed.
_fanout_argument() {
  local ends='FAILED|BLOCKED|CANCELLED|INTERRUPTED' run=${positional[0]:-}
  case $command:${#positional[@]} in
    :0) _fanout_offer init execute extend plan status watch dashboard logs why cancel retry resume sync auth timeline metrics diff open review collisions merge report snapshots undo cleanup pool mcp agents answer send attach pause continue daemon config doctor version ;;
    plan:0) _fanout_offer validate show new add from-issues draft adopt ;;
    daemon:0) _fanout_offer status start restart stop install logs ;;
    pool:0) _fanout_offer status warm drain ;;
    auth:0) _fanout_offer login status refresh logout ;;
    plan\ adopt:0) _fanout_offer last "$(_fanout_runs COMPLETED)" ;;
    plan\ new:* | plan\ add:* | plan\ from-issues:* | plan\ draft:* | plan\ adopt:*) ;;
    execute:0 | plan\ *:0 | pool\ warm:1)
      _fanout_files -f -X '!*.yaml'
      _fanout_files -f -X '!*.yml'
      _fanout_files -d ;;
    status:0 | watch:0 | dashboard:0 | sync:0 | timeline:0 | metrics:0 | review:0 | collisions:0 | merge:0 | report:0) _fanout_offer last "$(_fanout_runs '[A-Z]*')" ;;
    logs:0 | why:0 | diff:0 | open:0) _fanout_offer "$(_fanout_tasks last '[A-Z_]*')" last "$(_fanout_runs '[A-Z]*')" ;;
    logs:1 | why:1 | diff:1 | open:1) _fanout_offer "$(_fanout_tasks "$run" '[A-Z_]*')" ;;
    extend:0) _fanout_offer last "$(_fanout_runs RUNNING)" ;;
    cancel:0) _fanout_offer "$(_fanout_runs RUNNING)" ;;
    cancel:1) _fanout_offer "$(_fanout_tasks "$run" 'PENDING|SETTING_UP|IMPLEMENTING|TESTING|PUSHING|REPORTING')" ;;
    retry:0) _fanout_offer last "$(_fanout_runs 'RUNNING|FAILED|CANCELLED|INTERRUPTED')" ;;
    snapshots:0 | undo:0 | cleanup:0) _fanout_offer last "$(_fanout_runs '[A-Z]*')" ;;
    answer:0 | send:0 | attach:0 | pause:0 | continue:0) _fanout_offer last "$(_fanout_runs RUNNING)" ;;
    answer:1 | send:1 | attach:1 | pause:1 | continue:1) _fanout_offer "$(_fanout_tasks "$run" IMPLEMENTING)" ;;
    snapshots:1 | undo:1) _fanout_offer "$(_fanout_tasks "$run" '[A-Z_]*')" ;;
    merge:*) _fanout_offer "$(_fanout_tasks "$run" COMPLETED)" ;;
    resume:0) _fanout_offer last "$(_fanout_runs 'INTERRUPTED')" ;;
    resume:1) _fanout_offer "$(_fanout_tasks "$run" INTERRUPTED)" ;;
    retry:1) _fanout_offer "$(_fanout_tasks "$run" "$ends")" ;;
  esac
}

_fanout_options() {
  local budget="--budget-tokens --budget-money --budget-time --budget-turns"
  local settings="--agent --fallback --race --judge --model --approve --answer-timeout --base --repo --max-parallel --timeout --retries --gate-retries $budget --push --no-push --remote --tracker --pr --no-pr --cache --no-cache --tracker-mode --draft --no-draft --follow --no-follow --ci-retries --auto-merge --sandbox --no-write-status"
  _fanout_offer --help --socket --no-start --json --no-color --no-colour
  case $command in
    '') _fanout_offer --version ;;
    execute) _fanout_offer $settings --plan-from --detach --verbose --bell ;;
    extend) _fanout_offer --plan-from --keep-open --close ;;
    init) _fanout_offer --force ;;
    plan\ new) _fanout_offer --file ;;
    plan\ add) _fanout_offer --id --files --depends --priority --prompt --plan ;;
    plan\ from-issues) _fanout_offer --label --limit --plan ;;
    plan\ draft) _fanout_offer --file --agent --roles --detach ;;
    plan\ adopt) ;;
    plan\ *) _fanout_offer $settings ;;
    watch) _fanout_offer --after --verbose --bell ;;
    logs) _fanout_offer --log --attempt --follow ;;
    answer) _fanout_offer --allow --deny --option --text ;;
    auth\ login) _fanout_offer --host --with-token --client-id --scope ;;
    auth\ status | auth\ logout) _fanout_offer --host ;;
    undo) _fanout_offer --to ;;
    timeline) _fanout_offer --svg ;;
    dashboard) _fanout_offer --allow-actions --no-browser ;;
    doctor) _fanout_offer --offline ;;
    config) _fanout_offer --repo --plan ;;
    daemon\ install) _fanout_offer --now --force ;;
    daemon\ logs) _fanout_offer --follow --lines ;;
    pool\ warm) _fanout_offer --base --wait ;;
    pool\ status | pool\ drain) _fanout_offer --all ;;
    mcp) _fanout_offer --repository --allow-nested --nested-tasks ;;
    cleanup) _fanout_offer --dry-run --yes --force --remote --archives ;;
    diff) _fanout_offer --stat --committed ;;
    open) _fanout_offer --shell --print ;;
    review) _fanout_offer --into ;;
    merge) _fanout_offer --into --squash --rebase --merge --dry-run ;;
    report) _fanout_offer --md --html ;;
    retry) _fanout_offer $budget --fresh --with-conflict --into --detach --watch --verbose --bell ;;
    resume) _fanout_offer --detach --watch --verbose --bell ;;
  esac
}

_fanout() {
  local cur=${COMP_WORDS[COMP_CWORD]} command='' option='' word i
  local -a positional=() fanout_program=("${COMP_WORDS[0]/#\~/$HOME}")
  type -P "${fanout_program[0]}" >/dev/null || fanout_program=(fanout)
  COMPREPLY=()
  # Readline breaks words at "=": "--log=agent" comes as three.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [ "$word" = = ] && continue
    if [ -n "$option" ]; then
      [ "$option" = --socket ] && fanout_program+=(--socket "$word")
      option=''
      continue
    fi
    case $word in
      --file | --files | --id | --depends | --priority | --prompt | --plan | --label | --limit | --socket | --text | --option | --answer-timeout | --approve | --model | --svg | --agent | --fallback | --race | --judge | --gate-retries | --budget-tokens | --budget-money | --budget-time | --budget-turns | --base | --into | --repo | --repository | --allow-nested | --nested-tasks | --max-parallel | --timeout | --retries | --remote | --tracker | --tracker-mode | --ci-retries | --auto-merge | --sandbox | --host | --client-id | --scope | --after | --log | --attempt | --lines | -n)
        option=$word ;;
      -*) ;;
      *)
        case $command in
          '') command=$word ;;
          plan | daemon | auth | pool) command="$command $word" ;;
          *) positional+=("$word") ;;
        esac ;;
    esac
  done
  [ "$cur" = = ] && cur=''
  if [ -n "$option" ]; then
    _fanout_value "$option"
  elif [[ $cur == -* ]]; then
    _fanout_options
  else
    _fanout_argument
  fi
}

complete -F _fanout fanout
