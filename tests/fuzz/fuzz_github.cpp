// What comes from GitHub on arbitrary bytes: answers of REST and GraphQL as JSON, their headers (in lines before an empty
// one), markers in bodies, gh's file of hosts, a webhook's signature, addresses to go on to. Nothing of it is believed, and
// nothing of it may be told that is no UTF-8 or holds a control character.
#include <boost/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/github/failure.hpp"
#include "server/github/graphql.hpp"
#include "server/github/headers.hpp"
#include "server/github/jwt.hpp"
#include "server/github/marker.hpp"
#include "server/github/read.hpp"
#include "server/github/token.hpp"
#include "server/http/message.hpp"
#include "tests/fuzz/require.hpp"

using namespace fanout::github;
using fanout::fuzz::require;

namespace {

void look_at(const ApiError& error) {
  const std::string message = error.what();
  require(fanout::printable(message) == message);
}

template <class F>
void attempt(const F& read) {
  try {
    read();
  } catch (const ApiError& error) {
    look_at(error);
  } catch (const fanout::Error&) {  // NOLINT: refused is fine
  }
}

fanout::http::Response response_of(const std::string& head, std::string body, unsigned status) {
  fanout::http::Response response;
  response.status = status;
  response.body = std::move(body);
  for (std::size_t at = 0; at < head.size();) {
    const auto end = std::min(head.find('\n', at), head.size());
    const auto line = head.substr(at, end - at);
    const auto colon = line.find(':');
    if (colon != line.npos) response.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    at = end + 1;
  }
  return response;
}

void read_json(const boost::json::value& value, const RateHeaders& rate) {
  attempt([&] { issue_in(value, "read it"); });
  attempt([&] { comment_in(value, "read it"); });
  attempt([&] { pull_request_in(value, "read it"); });
  attempt([&] { listed_in(value); });
  attempt([&] { repository_in(value, Repository()); });
  attempt([&] { created_in(value, 3, rate); });
  attempt([&] { pull_requests_in(value); });
  look_at(classify_graphql(value, rate, "do it"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto parts = fanout::fuzz::parts_of(data + 1, size - 1, 2);
  const auto response = response_of(parts[0], parts[1], 200u + data[0] * 2u);
  const auto rate = rate_headers(response, Time());
  look_at(classify(response, rate, "do it"));
  next_page(parts[0]);
  split_scopes(parts[0]);
  attempt([&] { fanout::http::parse_url(parts[0]); });
  attempt([&] { fanout::http::resolve(fanout::http::parse_url("https://a.example/b"), parts[0]); });
  for (const auto& marker : find_markers(parts[1])) {
    const auto again = find_markers(marker_text(marker));
    require(again.size() == 1 && again.front() == marker);
  }
  token_in_hosts_file(parts[1], "github.com");
  require(!is_signed(parts[1], parts[0], "a secret"));
  boost::system::error_code error;
  const auto value = boost::json::parse(parts[1], error);
  if (!error) read_json(value, rate);
  return 0;
}
