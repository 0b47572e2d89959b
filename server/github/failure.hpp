#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "server/github/headers.hpp"
#include "server/http/message.hpp"

namespace fanout::github {

/// What went wrong with a request, as far as anybody can act on it.
enum class Failure {
  authentication,  ///< The token is not accepted: everything waits for another.
  permission,      ///< The token may not do this; `scope` says what it lacks where GitHub tells.
  not_found,       ///< Not there, or private and not for this token.
  validation,      ///< `field` and `reason` say what GitHub does not like; the same again fails again.
  limit,           ///< Too much: nothing happened; again after `wait`.
  transient,       ///< Again later may work. See outcome_unknown().
  permanent,       ///< None of these; the same again fails again.
};

/// A request that GitHub did not answer as hoped. The message is one sentence and holds no token.
class ApiError : public Error {
 public:
  ApiError(Failure failure, const std::string& message);

  Failure failure() const { return failure_; }
  /// It may have had its effect all the same: look before doing it again.
  bool outcome_unknown() const { return unknown; }

  unsigned status = 0;  ///< 0: no answer came.
  std::string field, reason;  ///< validation: such as "head" and "invalid"; all messages are in what().
  std::string scope;          ///< permission: what the token lacks.
  bool secondary = false;     ///< limit: which kind.
  std::optional<milliseconds> wait;  ///< limit: for how long, where GitHub says so.
  bool unknown = false;

 private:
  Failure failure_;
};

/// What an answer means that is no success (status 300 and more). `doing`: "create the issue". Pure.
ApiError classify(const http::Response& response, const RateHeaders& rate, const std::string& doing);

/// The same of a request that got no answer.
ApiError classify(const http::TransportError& error, const std::string& doing);

/// The same of one entry of GraphQL's "errors".
ApiError classify_graphql(const boost::json::value& error, const RateHeaders& rate, const std::string& doing);

}  // namespace fanout::github
