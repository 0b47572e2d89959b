// What people say to an agent at work: words, answers, and to stand still.
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/subagent/answers.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using Told = v1::AgentTold;

namespace {

constexpr std::size_t kMostText = 64 << 10;

}  // namespace

awaitable<Told::Delivery> Subagent::tell(std::string text) {
  if (trimmed(text).empty()) throw Error(ErrorKind::invalid_input, "there is nothing to tell: the text is empty");
  if (text.size() > kMostText) throw Error(ErrorKind::invalid_input, "the text is longer than 64 KiB");
  const auto session = session_;
  if (!session) throw Error(ErrorKind::precondition, "no agent is at work on task " + task_.id() + " just now");
  bool heard = false;
  if (session->listens()) heard = co_await session->tell(text);
  const auto* row = agent::find_agent(agent_spec().kind());
  if (!heard && !(row && row->resumes)) {
    throw Error(ErrorKind::precondition, "the agent of task " + task_.id() +
                                             " reads nothing while it works, and has no session to go on with: it cannot "
                                             "be told anything");
  }
  const auto delivery = heard ? Told::DELIVERY_NEXT_TURN : Told::DELIVERY_NEXT_SESSION;
  v1::Event event;
  event.mutable_agent_told()->set_text(valid_utf8(text));
  event.mutable_agent_told()->set_delivery(delivery);
  co_await record(std::move(event));
  co_return delivery;
}

awaitable<v1::Attention> Subagent::answer(v1::AnswerAgentRequest request) {
  std::vector<v1::Attention> asked;
  for (const auto& one : known()->attention()) {
    if (one.id().starts_with(request.id())) asked.push_back(one);
  }
  const auto session = session_;
  if (asked.empty() || !session) {
    throw Error(ErrorKind::precondition, request.id().empty() ? "task " + task_.id() + " waits for no answer"
                                                              : "task " + task_.id() + " asks nothing (any more) that begins with \"" +
                                                                    printable(request.id()) + "\"");
  }
  if (asked.size() > 1) {
    std::vector<std::string> ids;
    for (const auto& one : asked) ids.push_back(one.id());
    throw Error(ErrorKind::invalid_input, "several things wait for an answer; name one of: " + join(ids, ", "));
  }
  auto answer = answer_from(request, asked.front());
  const bool taken = co_await session->answer(std::move(answer));
  if (!taken) throw Error(ErrorKind::precondition, "task " + task_.id() + " no longer waits for that answer");
  co_return asked.front();
}

awaitable<void> Subagent::pause(bool on) {
  const auto session = session_;
  if (!session) throw Error(ErrorKind::precondition, "no agent is at work on task " + task_.id() + " just now");
  if (known()->paused() == on) co_return;
  v1::Event event;
  on ? void(event.mutable_agent_paused()) : void(event.mutable_agent_continued());
  co_await record(std::move(event));
  session->channel().pause(on);
}

}  // namespace fanout::subagent
