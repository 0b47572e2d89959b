#include "server/doctor/examinations.hpp"

#include "common/version.hpp"
#include "server/admission/machine.hpp"

namespace fanout::doctor {

namespace {

Checks check_daemon(const Places& places, const std::string& trouble) {
  const auto text = std::string("fanoutd ") + kVersion + " answers on " + places.socket.string();
  if (trouble.empty()) return {good("daemon", "daemon", text)};
  return {broken("daemon", "daemon", text + ", and everything waits: " + trouble, "see to that; it goes on by itself")};
}

awaitable<Checks> daemon_checks(Places places, std::function<std::string()> trouble) {
  co_return check_daemon(places, trouble());
}

awaitable<Checks> resource_checks(Places places, async::WorkerPool& pool, admission::Admission& admission, Question question) {
  co_await admission.look_around();
  const auto state = admission.overview().state;
  co_return co_await pool.run([&](std::stop_token) {
    auto checks = check_memory(state);
    std::vector<domain::admission::Disk> disks{admission::read_disk(places.state)};
    if (!question.repository.empty()) disks.push_back(admission::read_disk(question.repository));
    for (auto& check : check_disks(state.settings, disks)) checks.push_back(std::move(check));
    return checks;
  });
}

awaitable<Checks> sandbox_checks(sandbox::Sandboxes& sandboxes) {
  const auto found = co_await sandboxes.look();
  co_return Checks{check_sandbox(found)};
}

}  // namespace

std::vector<Examination> standard_examinations(Places places, async::WorkerPool& pool,
                                               const process::Containment& containment, admission::Admission& admission,
                                               sandbox::Sandboxes& sandboxes,
                                               std::function<std::string()> trouble) {
  std::vector<Examination> all;
  all.push_back({"daemon", "daemon", [places, trouble](Question) { return daemon_checks(places, trouble); }});
  all.push_back(blocking("places", "places", pool, [places](const Question&) { return check_places(places); }));
  all.push_back(blocking("config", "configuration", pool, [places](const Question&) { return check_configuration(places); }));
  all.push_back(blocking("variables", "variables", pool, [places](const Question&) { return check_variables(places); }));
  all.push_back(blocking("repository", "repository", pool, [](const Question& q) { return check_repository(q); }));
  all.push_back(blocking("git", "git", pool, [places](const Question&) { return check_git(places); }));
  all.push_back(blocking("tree-kill", "ending agents", pool,
                         [&containment](const Question&) { return check_containment(containment); }));
  all.push_back({"sandbox", "sandbox", [&sandboxes](Question) { return sandbox_checks(sandboxes); }});
  all.push_back({"resources", "memory and disks",
                 [places, &pool, &admission](Question q) { return resource_checks(places, pool, admission, std::move(q)); }});
  all.push_back(blocking("clock", "clock", pool, [](const Question&) { return check_clock(); }));
  all.push_back(blocking("agents", "agents", pool, [places](const Question&) { return check_agents(places); }));
  return all;
}

}  // namespace fanout::doctor
