// The environment: untracked files, setup and verify commands, and the cache of what they make.
#include "server/environment/environment.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/environment/files.hpp"
#include "server/pool/pool.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::minutes kSetupTimeout{30};
constexpr std::chrono::minutes kOtherInstallation{30};

std::vector<std::string> to_vector(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// Which folders are kept, and which commands need not run where they came from the cache.
void choose(const fanout::internal::v1::TaskSpec& task, const std::vector<std::string>& setup, CacheUse& cache) {
  const bool all_named = !task.detect_cache() && !task.detect_setup();
  if (!task.detect_cache()) cache.folders = to_vector(task.cache());
  for (const auto& command : setup) {
    const auto product = environment::product_of(command);
    if (task.detect_cache() && product && !contains(cache.folders, product->folder)) cache.folders.push_back(product->folder);
    if (all_named || (product && product->whole && contains(cache.folders, product->folder))) cache.whole.push_back(command);
  }
}

/// What else lies at the top of a worktree than before, and in none of the folders.
std::vector<std::string> also_made(const CacheUse& cache, const std::vector<std::string>& now) {
  std::vector<std::string> more;
  for (const auto& name : now) {
    const auto holds = [&](const std::string& folder) { return folder == name || folder.starts_with(name + "/"); };
    if (!contains(cache.before, name) && std::none_of(cache.folders.begin(), cache.folders.end(), holds)) more.push_back(name);
  }
  return more;
}

/// BLOCKS.
std::vector<std::string> names_at_top(const std::filesystem::path& folder) {
  return environment::names_in(environment::open_folder(folder).get(), folder.string());
}

environment::CacheLimits limits_of(const fanout::internal::v1::RunSpec& spec) {
  environment::CacheLimits limits;
  if (spec.cache_bytes() > 0) limits.bytes = spec.cache_bytes();
  if (spec.has_cache_age()) limits.age = std::chrono::hours(1 + spec.cache_age().seconds() / 3600);
  return limits;
}

}  // namespace

/// Lets others that wait go on when this one fails.
class Subagent::ReleaseOnError {
 public:
  explicit ReleaseOnError(std::optional<Installing>& installing) : installing_(installing) {}
  ~ReleaseOnError() {
    if (!done_) installing_.reset();
  }
  void done() { done_ = true; }

 private:
  std::optional<Installing>& installing_;
  bool done_ = false;
};

awaitable<Input> Subagent::prepare_environment() {
  if (progress_.environment) {
    detected_ = co_await services_.workers.run([&](std::stop_token) { return environment::detect(worktree_.path); });
    // As the plan has them: what events tell is without secrets.
    detected_.setup = to_vector(task_.detect_setup() ? progress_.environment->setup_commands() : task_.setup());
    detected_.verify = to_vector(task_.detect_verify() ? progress_.environment->verify_commands() : task_.verify());
    co_return Input{InputKind::environment_ready, {}, {}};
  }
  co_await choose_sandbox();
  const auto start = Clock::now();
  ReleaseOnError guard(installing_);
  const pool::Pool::Quiet quiet(services_.pool);
  const auto copied = co_await services_.workers.run([&](std::stop_token) {
    detected_ = environment::detect(worktree_.path);
    auto files = environment::copy_untracked(spec_.repository(), worktree_.path, to_vector(task_.copy()));
    git::exclude_files(spec_.repository(), files);  // a secret in .env must not get into anyone's commit
    return files;
  });
  if (!task_.detect_setup()) detected_.setup = to_vector(task_.setup());
  if (!task_.detect_verify()) detected_.verify = to_vector(task_.verify());
  co_await install();
  co_await ignore_products();
  co_await record_environment(copied, start);
  guard.done();
  co_return Input{InputKind::environment_ready, {}, {}};
}

awaitable<void> Subagent::record_environment(std::vector<std::string> copied, Clock::time_point start) {
  v1::Event event;
  auto& ready = *event.mutable_environment_ready();
  ready.mutable_copied_files()->Assign(copied.begin(), copied.end());
  ready.mutable_setup_commands()->Assign(detected_.setup.begin(), detected_.setup.end());
  ready.mutable_verify_commands()->Assign(detected_.verify.begin(), detected_.verify.end());
  ready.set_fingerprint(cache_.fingerprint);
  ready.set_from_cache(cache_.restored && cache_.whole.size() == detected_.setup.size());
  *ready.mutable_duration() = since(start);
  return record(std::move(event));
}

/// Runs the setup commands, but for those whose work came from the cache.
awaitable<void> Subagent::install() {
  co_await look_up_environment();
  const bool cached = !cache_.fingerprint.empty();
  if (cached) cache_.restored = co_await restore_environment();
  if (cached && !cache_.restored && task_.await_cache()) co_await await_other_installation();
  if (cached && !cache_.restored) installing_.emplace(services_.installs, cache_.fingerprint);
  auto commands = detected_.setup;
  // Blank and not left out: each program keeps its number, by which another daemon finds it again.
  for (auto& command : commands) {
    if (cache_.restored && contains(cache_.whole, command)) command.clear();
  }
  if (installing_) cache_.before = co_await services_.files.run([&](std::stop_token) { return names_at_top(worktree_.path); });
  co_await run_all("setup", std::move(commands));
  if (!installing_) co_return;
  const auto now = co_await services_.files.run([&](std::stop_token) { return names_at_top(worktree_.path); });
  const auto more = also_made(cache_, now);
  if (more.empty()) co_return;
  cache_.fingerprint.clear();
  if (task_.detect_cache()) co_return;
  co_await notice(v1::Notice::SEVERITY_INFO, "what setup made is not cached, since it also made " + join(more, ", ") +
                                                 ": name that in cache: too, or switch it off by cache: []");
}

/// A worktree that an earlier attempt worked in has its environment, which may no longer be what setup makes.
awaitable<void> Subagent::look_up_environment() {
  cache_ = {};
  if (detected_.setup.empty() || !earlier_.worktree.empty()) co_return;
  choose(task_, detected_.setup, cache_);
  if (cache_.folders.empty()) co_return;
  environment::Recipe recipe;
  recipe.setup = detected_.setup;
  recipe.inputs = to_vector(task_.cache_inputs());
  // As the plan has them: with its own ports in them every task would have an environment of its own.
  recipe.variables = {task_.env().begin(), task_.env().end()};
  recipe.surroundings = surroundings();
  recipe.repository = spec_.repository();
  std::string trouble;
  try {
    cache_.fingerprint = co_await services_.workers.run([&](std::stop_token stop) {
      auto inputs = environment::inputs_of_commit(spec_.repository(), base_commit_, environment::InputRules(recipe));
      return environment::fingerprint(recipe, std::move(inputs), stop);
    });
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    trouble = error.what();
  }
  if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, "the cache of environments is not used: " + trouble);
}

awaitable<bool> Subagent::restore_environment() {
  const auto start = Clock::now();
  std::string why;
  auto restored = co_await services_.workers.run([&](std::stop_token stop) {
    auto& cache = services_.environments.of(spec_.repository());
    return cache.restore(cache_.fingerprint, worktree_.path, cache_.folders, why, stop);
  });
  if (!why.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, "the environment is installed anew: " + why);
  if (!restored) co_return false;
  co_await record_cached(v1::EnvironmentCached::DIRECTION_RESTORED, std::move(*restored), start);
  co_return true;
}

awaitable<void> Subagent::await_other_installation() {
  auto& installs = services_.installs;
  const auto until = Clock::now() + kOtherInstallation;
  bool told = false;
  while (installs.under_way.contains(cache_.fingerprint) && !cache_.restored && Clock::now() < until) {
    if (!std::exchange(told, true)) {
      v1::Event event;
      event.mutable_waiting()->set_for_("another task, which installs the same environment (cache_wait)");
      co_await record(std::move(event));
      continue;  // it may be done meanwhile
    }
    co_await installs.changed.wait();
    if (!installs.under_way.contains(cache_.fingerprint)) cache_.restored = co_await restore_environment();
  }
  if (told) {
    v1::Event event;
    event.mutable_waiting();
    co_await record(std::move(event));
  }
}

/// After the verify commands: what does not pass them is given to nobody.
awaitable<void> Subagent::keep_environment() {
  if (cache_.fingerprint.empty() || cache_.restored) co_return;
  const auto start = Clock::now();
  std::string why;
  auto stored = co_await services_.workers.run([&](std::stop_token stop) {
    auto& cache = services_.environments.of(spec_.repository());
    auto folders = cache.store(cache_.fingerprint, worktree_.path, cache_.folders, why, stop);
    cache.evict(limits_of(spec_));
    return folders;
  });
  if (!why.empty() && !task_.detect_cache()) co_await notice(v1::Notice::SEVERITY_INFO, "the environment is not cached: " + why);
  if (stored) co_await record_cached(v1::EnvironmentCached::DIRECTION_STORED, std::move(*stored), start);
}

awaitable<void> Subagent::record_cached(v1::EnvironmentCached::Direction direction,
                                        std::vector<environment::CachedFolder> folders, Clock::time_point start) {
  v1::Event event;
  auto& cached = *event.mutable_environment_cached();
  cached.set_direction(direction);
  cached.set_fingerprint(cache_.fingerprint);
  for (const auto& folder : folders) {
    auto& told = *cached.add_folders();
    told.set_path(valid_utf8(folder.path));
    told.set_method(to_string(folder.copied.method()));
    told.set_file_count(folder.copied.files);
    told.set_bytes(folder.copied.bytes);
  }
  *cached.mutable_duration() = since(start);
  return record(std::move(event));
}

/// Of the detected commands only: what a plan's own commands make, its author knows.
awaitable<void> Subagent::ignore_products() {
  if (!task_.detect_setup() && !task_.detect_verify()) co_return;
  co_await services_.workers.run(
      [&](std::stop_token) { environment::ignore_products(worktree_.path, detected_.products); });
}

awaitable<Input> Subagent::verify_environment() {
  ReleaseOnError guard(installing_);
  const auto start = Clock::now();
  co_await run_all("verify", detected_.verify);
  if (!detected_.verify.empty()) co_await ignore_products();
  if (installing_) co_await keep_environment();
  installing_.reset();
  if (!detected_.verify.empty()) {
    v1::Event event;
    *event.mutable_environment_verified()->mutable_duration() = since(start);
    co_await record(std::move(event));
  }
  guard.done();
  co_return Input{InputKind::environment_verified, {}, {}};
}

awaitable<void> Subagent::run_all(std::string role, std::vector<std::string> commands) {
  const auto log = role + ".log";
  int number = 0;
  for (const auto& command : commands) {
    ++number;
    if (command.empty()) continue;
    admission::Ticket slot;
    if (role == "verify") slot = co_await admit_test(role + "-" + std::to_string(number));
    Program program{role + "-" + std::to_string(number), role, command, log, log, {}, kSetupTimeout};
    const auto exit = co_await run_program(std::move(program));
    if (!exit.success()) {
      throw Error(ErrorKind::precondition, describe_end(role + " command \"" + command + "\"", exit, kSetupTimeout, task_.limits()) +
                                               "; its output: fanout logs " + spec_.run_id() + " " + task_.id() +
                                               " --log " + log);
    }
  }
}

}  // namespace fanout::subagent
