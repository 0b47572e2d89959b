// What `fanout config` shows: every key, and what a run would take for it.
#include "server/domain/plan/effective.hpp"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <map>

#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/notify_settings.hpp"
#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::told;
using testing::IsEmpty;

/// A user's configuration that says something of every key that there is. A new one must be given here, too.
constexpr const char* kEverything = R"(
agent = ["one", "two"]
model = "m"
approve = "edits"
rules = [{ruling = "allow", tool = "t", command = "c", path = "p"}]
answer_timeout = "1m"
repo = "/r"
base = "main"
setup = ["s"]
verify = ["v"]
gates = [{name = "n", run = "r", timeout = "1m"}]
max_parallel = 3
timeout = "2h"
stall_timeout = "3m"
retries = 1
gate_retries = 1
race = 2
judge = "j"
max_memory = "1GiB"
max_processes = 9
cpu_weight = 50
max_output = "1MiB"
pass_env = ["P"]
max_file_size = "1MiB"
secret_scan = "warn"
sandbox = "strict"
sandbox_require = true
sandbox_network = true
tracker_access = "read"
escape = "freeze"
sandbox_read = ["~/r"]
sandbox_write = ["/w"]
copy = ["c"]
cache = ["node_modules"]
cache_inputs = ["i"]
cache_wait = true
cache_size = "1GB"
cache_age = "1d"
ports = 2
pool = true
pool_size = 4
pool_space = "1GB"
worktree = "w/{task_id}"
branch = "b/{task_id}"
commit_type = "fix"
allow_empty = true
write_status = false
push = true
remote = "up"
pull_request = false
draft = true
follow = true
ci_retries = 3
auto_merge = "squash"
[env]
x = "1"
[budget]
tokens = 1
money = 1
time = "1m"
turns = 1
run = {tokens = 1, money = 1, time = "1m", turns = 1}
day = {tokens = 1, money = 1, time = "1m", turns = 1}
[tracker]
name = "github"
mode = "tracking"
labels = ["l"]
create_labels = false
assignees = ["me"]
milestone = "m"
project = "me/1"
[agents.x]
command = "c"
type = "command"
args = ["a"]
env = {x = "1"}
model = "m"
approve = "all"
rules = [{ruling = "deny"}]
answer_timeout = "1m"
mode = "m"
auth_method = "a"
level = "acp"
[admission]
agents = 1
tests = 1
memory_reserve = "1GiB"
memory_pressure = 1
disk_reserve = "1GiB"
disk_reserve_percent = 1
[retention]
events_age = "1d"
events_size = "1MiB"
output_age = "1d"
output_size = "1MiB"
[notify]
on = ["needs_input"]
desktop = false
command = "true"
[prices.x]
input = 1
cached_input = 1
cache_write = 1
output = 1
as_of = "today"
[github]
client_id = "c"
app_id = "1"
app_key = "/k"
app_installation = "2"
ca_file = "/c"
api_url = "https://a"
graphql_url = "https://g"
login_url = "https://l"
follow_interval = "1m"
burst = 1
per_minute = 1
per_hour = 1
points_per_minute = 10
reads_at_once = 1
batch = 1
refill = "1m"
edit_spacing = "1m"
first_penalty = "1m"
longest_penalty = "1m"
recovery = "1m"
[github.x]
client_id = "c"
app_id = "1"
app_key = "/k"
app_installation = "2"
ca_file = "/c"
api_url = "https://a"
graphql_url = "https://g"
login_url = "https://l"
follow_interval = "1m"
burst = 1
per_minute = 1
per_hour = 1
points_per_minute = 10
reads_at_once = 1
batch = 1
refill = "1m"
edit_spacing = "1m"
first_penalty = "1m"
longest_penalty = "1m"
recovery = "1m"
)";

Value yaml(const std::string& text, const std::string& file) {
  Diagnostics diagnostics;
  auto value = parse_yaml(text, file, 1, diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  return value;
}

Value toml(const std::string& text) {
  Diagnostics diagnostics;
  auto value = parse_toml(text, "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  return value;
}

using Shown = std::map<std::string, EffectiveValue>;

Shown shown(const std::string& user, const std::string& repository = "", const std::string& plan = "", unsigned cores = 1) {
  SettingsFiles files;
  if (!user.empty()) files.user = toml(user);
  if (!repository.empty()) files.repository = yaml(repository, "/r/.fanout.yaml");
  if (!plan.empty()) files.plan = yaml(plan, "/p/plan.yaml");
  files.cores = cores;
  Shown all;
  for (auto& value : effective_settings(files)) {
    EXPECT_FALSE(all.contains(value.key)) << value.key << " is there twice";
    all[value.key] = value;
  }
  return all;
}

std::string place(const EffectiveValue& value) {
  return value.place.file.substr(value.place.file.rfind('/') + 1) + ":" + std::to_string(value.place.line);
}

/// As it is shown where everything that may have any name is called "x".
std::string shown_name(std::string key) {
  for (auto star = key.find('*'); star != key.npos; star = key.find('*')) key[star] = 'x';
  return key.ends_with("rules") || key == "pass_env" ? key + "[0]" : key;
}

TEST(EffectiveSettings, ShowEveryKeyThatAReaderTakes) {
  Diagnostics diagnostics;
  parse_user_config(kEverything, "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  const auto all = shown(kEverything);
  std::size_t keys = 0;
  for (const auto* list : {&shared_config_keys(), &user_config_keys()}) {
    for (const auto& key : *list) {
      if (key.name.find("[]") != key.name.npos) continue;  // inside the value of the list
      ++keys;
      const auto found = all.find(shown_name(key.name));
      ASSERT_NE(found, all.end()) << key.name;
      EXPECT_EQ(found->second.layer, Layer::user) << key.name;
      EXPECT_GT(found->second.place.line, 0u) << key.name;
    }
  }
  EXPECT_EQ(all.size(), keys) << "something is shown that is no key";
}

TEST(EffectiveSettings, OfNoFileAtAllAreDefaultsForEveryKeyThatHasNoName) {
  const auto all = shown("");
  for (const auto* list : {&shared_config_keys(), &user_config_keys()}) {
    for (const auto& key : *list) {
      if (key.name.find("[]") != key.name.npos || key.name.find('*') != key.name.npos) continue;
      ASSERT_TRUE(all.contains(key.name)) << key.name;
      EXPECT_NE(all.at(key.name).value, "") << key.name;
      EXPECT_EQ(all.at(key.name).layer, Layer::fallback) << key.name;
    }
  }
  EXPECT_EQ(all.at("env").value, "no variables");
}

/// {"a.b.c", "v"} as a file: a: {b: {c: "v"}}.
std::string as_file(const std::string& key, const std::string& value) {
  const auto dot = key.find('.');
  if (dot == key.npos) return key + ": \"" + value + "\"";
  return key.substr(0, dot) + ": {" + as_file(key.substr(dot + 1), value) + "}";
}

fanout::internal::v1::RunSpec spec_of(const std::string& repository, const std::string& user) {
  Diagnostics diagnostics;
  Layers layers;
  if (!repository.empty()) layers.repository = parse_repository_settings(repository, "/r/.fanout.yaml", diagnostics);
  layers.user = parse_user_config(user, "/u/config.toml", diagnostics);
  auto spec = resolve(test::load("tasks: [{id: a, prompt: x, agent: claude}]").plan, layers, diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty()) << repository;
  return spec;
}

TEST(EffectiveSettings, DefaultsAreWhatARunTakesWhereNobodySaysAnything) {
  using google::protobuf::util::MessageDifferencer;
  for (const std::string user : {"", "tracker = 'github'"}) {
    const auto usual = spec_of("", user);
    for (const auto& key : shared_config_keys()) {
      if (key.kind != ConfigKey::Fallback::value || (!user.empty() && key.name == "tracker.name")) continue;
      const auto file = as_file(key.name, key.fallback);
      EXPECT_TRUE(MessageDifferencer::Equals(spec_of(file, user), usual)) << file;
    }
  }
}

TEST(EffectiveSettings, DefaultsOfTheUsersTablesAreWhatHoldsWithoutThem) {
  std::map<std::string, std::string> tables;
  for (const auto& key : user_config_keys()) {
    const auto dot = key.name.find('.');
    if (key.kind != ConfigKey::Fallback::value) continue;
    tables[key.name.substr(0, dot)] += key.name.substr(dot + 1) + " = \"" + key.fallback + "\"\n";
  }
  std::string text;
  for (const auto& [name, lines] : tables) text += "[" + name + "]\n" + lines;
  Diagnostics diagnostics;
  const auto written = parse_user_config(text, "/u/config.toml", diagnostics), usual = parse_user_config("", "", diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  EXPECT_EQ(written.retention.events_age, usual.retention.events_age);
  EXPECT_EQ(written.retention.events_size, usual.retention.events_size);
  EXPECT_EQ(written.retention.output_age, usual.retention.output_age);
  EXPECT_EQ(written.retention.output_size, usual.retention.output_size);
  EXPECT_EQ(written.admission.agents, usual.admission.agents);
  EXPECT_EQ(written.admission.memory_pressure, usual.admission.memory_pressure);
  EXPECT_EQ(written.admission.disk_reserve, usual.admission.disk_reserve);
  EXPECT_EQ(written.admission.disk_reserve_percent, usual.admission.disk_reserve_percent);
  EXPECT_EQ(notify_settings_in(text).desktop, notify_settings_in("").desktop);
}

TEST(EffectiveSettings, TheHighestFileCountsAndItsPlaceIsTold) {
  const auto all = shown("timeout = '1m'\nretries = 1\nmodel = 'm'\n", "\ntimeout: 2m\nretries: 2\n", "tasks: []\n\ntimeout: 3m\n");
  EXPECT_EQ(all.at("timeout").value, "3m");
  EXPECT_EQ(place(all.at("timeout")), "plan.yaml:3");
  EXPECT_EQ(all.at("retries").value, "2");
  EXPECT_EQ(place(all.at("retries")), ".fanout.yaml:3");
  EXPECT_EQ(place(all.at("model")), "config.toml:3");
  EXPECT_EQ(all.at("model").layer, Layer::user);
  EXPECT_EQ(all.at("base").layer, Layer::fallback);
}

TEST(EffectiveSettings, TablesAreFilledKeyByKey) {
  const auto all = shown("[budget]\ntokens = '1M'\nturns = 9\n[budget.day]\nmoney = 20.5\n[tracker]\nlabels = ['a', 'b, c']\n",
                         "budget: {tokens: 200k, run: {money: $3}}\ntracker: github\n");
  EXPECT_EQ(all.at("budget.tokens").value, "200k");
  EXPECT_EQ(all.at("budget.turns").value, "9");
  EXPECT_EQ(place(all.at("budget.turns")), "config.toml:3");
  EXPECT_EQ(all.at("budget.run.money").value, "$3");
  EXPECT_EQ(all.at("budget.day.money").value, "20.5");
  EXPECT_EQ(all.at("budget.day.turns").value, "no limit");
  EXPECT_EQ(all.at("tracker.name").value, "github");
  EXPECT_EQ(place(all.at("tracker.name")), ".fanout.yaml:2");
  EXPECT_EQ(all.at("tracker.labels").value, "[a, \"b, c\"]");
}

TEST(EffectiveSettings, TheValueOfAVariableIsNowhere) {
  const std::string secret = "correct-horse";
  SettingsFiles files;
  files.user = toml("[env]\nB = '" + secret + "'\n[agents.x]\ncommand = 'c'\nenv = {C = '" + secret + "'}\n");
  files.repository = yaml("env: {A: " + secret + ", B: " + secret + "}", "/r/.fanout.yaml");
  for (const auto& value : effective_settings(files)) EXPECT_EQ(value.value.find(secret), value.value.npos) << value.key;
  const auto all = shown("[env]\nB = 'x'\n[agents.x]\ncommand = 'c'\nenv = {C = 'x'}\n", "env: {A: x, B: y}");
  for (const auto* key : {"env.A", "env.B", "agents.x.env.C"}) {
    EXPECT_EQ(all.at(key).value, "set");
    EXPECT_TRUE(all.at(key).secret);
  }
  EXPECT_EQ(place(all.at("env.B")), ".fanout.yaml:1");
}

TEST(EffectiveSettings, RulesOfAllFilesCountTheHighestFirst) {
  const auto all = shown("rules = [{ruling = 'allow', command = 'npm test'}]", "rules:\n  - {ruling: deny, path: 'a, b'}\n  - {ruling: ask}\n");
  EXPECT_EQ(all.at("rules[0]").value, "{ruling: deny, path: \"a, b\"}");
  EXPECT_EQ(place(all.at("rules[0]")), ".fanout.yaml:2");
  EXPECT_EQ(all.at("rules[1]").value, "{ruling: ask}");
  EXPECT_EQ(all.at("rules[2]").layer, Layer::user);
  EXPECT_EQ(shown("").at("rules").value, "none");
}

TEST(EffectiveSettings, WhoTakesOverFromAnAgentStandsWhereTheAgentDoes) {
  const std::string several = "agent = ['claude', 'codex']\n[agents.strong]\ntype = 'claude'\n";
  EXPECT_EQ(shown(several).at("agent").value, "claude");
  EXPECT_EQ(shown(several).at("agents").value, "[claude, codex]");
  EXPECT_EQ(shown(several).at("agents.strong.type").value, "claude");
  const auto above = shown(several, "agent: gemini");
  EXPECT_EQ(above.at("agent").value, "gemini");
  EXPECT_EQ(above.at("agents").value, "[gemini]");
  EXPECT_EQ(above.at("agents").layer, Layer::repository);
  EXPECT_EQ(shown(several, "agents: [x, y]").at("agent").value, "x");
}

TEST(EffectiveSettings, WhatFollowsFromSomethingElseIsWorkedOut) {
  EXPECT_EQ(shown("", "", "", 1).at("max_parallel").value, "8");
  EXPECT_EQ(shown("", "", "", 16).at("max_parallel").value, "64");
  EXPECT_EQ(shown("").at("push").value, "false");
  EXPECT_EQ(shown("tracker = 'github'").at("push").value, "true");
  EXPECT_EQ(shown("tracker = 'github'\npush = false").at("push").value, "false");
}

TEST(EffectiveSettings, NamesAreQuotedWhereTheyWouldReadAsSomethingElse) {
  const auto all = shown("[github.'git.example.com']\nburst = 3\n[prices.'my-model*']\ninput = 1\n");
  EXPECT_EQ(all.at("github.\"git.example.com\".burst").value, "3");
  EXPECT_EQ(all.at("github.burst").value, "20");
  EXPECT_EQ(all.at("prices.\"my-model*\".input").value, "1");
}

}  // namespace
}  // namespace fanout::domain
