#include "server/tracking/feedback.hpp"

#include <algorithm>

#include "common/redact.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/github/describe.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostText = 16u << 10, kMostOutput = 6u << 10;
constexpr std::size_t kMostChecks = 10, kMostRemarks = 50;

/// GitHub's own CI puts the time before each line, which would make every failure another one.
std::string without_times(std::string_view log) {
  std::string out;
  for (std::string_view rest = log; !rest.empty();) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    const bool timed = line.size() > 28 && line[4] == '-' && line[10] == 'T' && line.find("Z ") < 30;
    if (timed) line.remove_prefix(line.find("Z ") + 2);
    out += std::string(line) + "\n";
  }
  return out;
}

std::string output_of(const github::FailedCheck& check) {
  return tail(redacted(without_times(valid_utf8(check.output))), kMostOutput);
}

std::string line(std::string_view text) { return fit(printable(redacted(trimmed(text))), 300); }

std::string section_of(const github::FailedCheck& check) {
  std::string text = "### Check " + line(check.name) + "\n";
  if (!trimmed(check.summary).empty()) text += "\n" + line(check.summary) + "\n";
  if (!check.url.empty()) text += "\n" + line(check.url) + "\n";
  const auto output = output_of(check);
  if (!trimmed(output).empty()) text += "\nThe last that it printed:\n\n" + github::fenced(output);
  return text;
}

}  // namespace

v1::Feedback feedback_of(const std::vector<github::FailedCheck>& failed, const std::string& commit) {
  v1::Feedback feedback;
  feedback.set_source("checks");
  feedback.set_commit(commit);
  std::vector<std::string> names;
  std::string text, essence;
  for (const auto& check : failed) {
    if (names.size() == kMostChecks) break;
    names.push_back(line(check.name));
    const auto section = section_of(check);
    if (text.size() + section.size() <= kMostText) text += section + "\n";
    const auto output = output_of(check);
    // Without a word of its own it can only be told from others by what it is about.
    essence += check.name + "\n" + (trimmed(output).empty() ? check.summary + commit : output) + "\n";
  }
  feedback.set_reason((names.size() == 1 ? "check " : "checks ") + join(names, ", ") + " failed");
  feedback.set_text(text);
  feedback.set_fingerprint("checks-" + domain::fingerprint(v1::PHASE_COMPLETED, feedback.reason(), essence));
  return feedback;
}

v1::Feedback feedback_of(const github::Review& review) {
  v1::Feedback feedback;
  feedback.set_source("review");
  feedback.set_commit(review.commit);
  feedback.set_reason(line(review.author) + " asks for changes");
  std::string text = "### " + line(review.author) + " asks for changes\n\n" + redacted(valid_utf8(review.body)) + "\n";
  text = head(text, kMostText / 2);
  std::size_t count = 0;
  for (const auto& remark : review.remarks) {
    const auto place = "`" + line(remark.path) + (remark.line > 0 ? ":" + std::to_string(remark.line) : "") + "`";
    const auto said = "\n- " + place + ": " + redacted(valid_utf8(remark.body)) + "\n";
    if (++count > kMostRemarks || text.size() + said.size() > kMostText) break;
    text += said;
  }
  feedback.set_text(text);
  feedback.set_fingerprint("review-" + std::to_string(review.id));
  return feedback;
}

Reaction reaction_to(const github::PullRequest& seen, const v1::Subagent& agent) {
  if (seen.state == "merged") return Reaction::merged;
  if (seen.state == "closed") return Reaction::closed;
  if (domain::is_end(agent.phase()) && agent.phase() != v1::PHASE_COMPLETED) return Reaction::lost;
  if (agent.phase() != v1::PHASE_COMPLETED) return Reaction::none;
  // What is said of another commit is not about what the agent has left.
  if (seen.head_commit != agent.report().head_commit()) return Reaction::none;
  if (seen.checks == "FAILURE" || seen.checks == "ERROR") return Reaction::read_checks;
  if (seen.review == "CHANGES_REQUESTED") return Reaction::read_review;
  return Reaction::none;
}

std::string why_not(const v1::Feedback& feedback, const v1::Following& following, unsigned most) {
  const auto& known = following.fingerprints();
  if (std::find(known.begin(), known.end(), feedback.fingerprint()) != known.end()) {
    return feedback.reason() + ": it is the same failure as before, so the agent is not asked again";
  }
  if (following.retries() < most) return "";
  return feedback.reason() + (most == 0 ? "" : "; all " + std::to_string(most) + " of ci_retries are used up");
}

v1::PullRequest told(const github::PullRequest& seen, const v1::PullRequest& known) {
  v1::PullRequest request = known;
  request.set_state(seen.state);
  request.set_draft(seen.draft);
  request.set_checks(seen.checks == "ERROR" ? "failure" : seen.checks == "EXPECTED" ? "pending" : lower_case(seen.checks));
  request.set_review(lower_case(seen.review));
  request.set_head_commit(seen.head_commit);
  request.set_auto_merge(seen.auto_merge);
  if (!seen.base.empty()) request.set_base(seen.base);
  return request;
}

}  // namespace fanout::tracking
