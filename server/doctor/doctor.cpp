#include "server/doctor/doctor.hpp"

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::doctor {

namespace v1 = fanout::v1;

namespace {

Check check(Check::Verdict verdict, std::string id, std::string title, std::string found, std::string fix) {
  Check check;
  check.set_verdict(verdict);
  check.set_id(std::move(id));
  check.set_title(std::move(title));
  check.set_found(valid_utf8(found));
  check.set_fix(valid_utf8(fix));
  return check;
}

awaitable<Checks> on_pool(async::WorkerPool& pool, std::function<Checks(const Question&)> look, Question question) {
  co_return co_await pool.run([&](std::stop_token) { return look(question); });
}

}  // namespace

Check good(std::string id, std::string title, std::string found) {
  return check(Check::VERDICT_GOOD, std::move(id), std::move(title), std::move(found), {});
}
Check absent(std::string id, std::string title, std::string found, std::string fix) {
  return check(Check::VERDICT_ABSENT, std::move(id), std::move(title), std::move(found), std::move(fix));
}
Check warning(std::string id, std::string title, std::string found, std::string fix) {
  return check(Check::VERDICT_WARNING, std::move(id), std::move(title), std::move(found), std::move(fix));
}
Check broken(std::string id, std::string title, std::string found, std::string fix) {
  return check(Check::VERDICT_BROKEN, std::move(id), std::move(title), std::move(found), std::move(fix));
}
Check unknown(std::string id, std::string title, std::string found) {
  return check(Check::VERDICT_UNKNOWN, std::move(id), std::move(title), std::move(found), {});
}

Examination blocking(std::string id, std::string title, async::WorkerPool& pool,
                     std::function<Checks(const Question&)> look) {
  return {std::move(id), std::move(title),
          [&pool, look = std::move(look)](Question question) { return on_pool(pool, look, std::move(question)); }};
}

awaitable<v1::ExamineResponse> Doctor::examine(Question question) {
  std::vector<Checks> found(examinations_.size());
  async::TaskGroup group(executor_);
  for (std::size_t i = 0; i < examinations_.size(); ++i) group.spawn(make(examinations_[i], question, found[i]));
  co_await group.join();
  v1::ExamineResponse response;
  for (auto& checks : found) {
    for (auto& one : checks) *response.add_checks() = std::move(one);
  }
  co_return response;
}

awaitable<void> Doctor::make(const Examination& examination, Question question, Checks& found) {
  std::string trouble;
  try {
    found = co_await async::with_deadline(examination.look(std::move(question)), limit_, "the check");
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) found = {unknown(examination.id, examination.title, "could not be looked at: " + trouble)};
}

Check check_login(const v1::Login& login) {
  const auto id = "tracker." + login.host(), title = "login at " + login.host();
  const std::string fix = "fanout auth login, or set GH_TOKEN";
  if (login.source().empty()) return absent(id, title, "none was found; without tracker: github none is needed", fix);
  if (!login.problem().empty()) return broken(id, title, "from " + login.source() + ": " + login.problem(), fix);
  auto text = "from " + login.source();
  if (!login.account().empty()) text += ", of " + login.account();
  if (!login.app().empty()) text += ", of the App " + login.app();
  const std::vector<std::string> scopes(login.scopes().begin(), login.scopes().end());
  if (!scopes.empty()) text += ", with " + join(scopes, ", ");
  if (login.limit() > 0) text += "; " + std::to_string(login.remaining()) + " of " + std::to_string(login.limit()) + " requests are left";
  const std::vector<std::string> missing(login.missing_scopes().begin(), login.missing_scopes().end());
  if (!missing.empty()) return broken(id, title, text + "; it lacks " + join(missing, ", "), "a token that has them: " + fix);
  if (login.limit() > 0 && login.remaining() == 0) return warning(id, title, text, "wait for the limit to start anew");
  return good(id, title, text);
}

}  // namespace fanout::doctor
