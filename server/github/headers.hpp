#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/github/types.hpp"
#include "server/http/message.hpp"

namespace fanout::github {

/// What the headers of an answer say about limits. Pure.
struct RateHeaders {
  std::optional<unsigned> limit, remaining;
  std::optional<milliseconds> resets_in;  ///< By the server's own clock, whatever ours says.
  std::optional<milliseconds> retry_after;
  std::string resource;            ///< "core", "graphql" …
  std::optional<milliseconds> skew;  ///< Server's clock minus ours.
};

RateHeaders rate_headers(const http::Response& response, Time now);

/// "repo, read:org" taken apart.
std::vector<std::string> split_scopes(std::string_view text);

/// The address of the next page by the Link header, or empty.
std::string next_page(std::string_view link);

/// "Sun, 06 Nov 1994 08:49:37 GMT" and "1994-11-06T08:49:37Z".
std::optional<Time> parse_http_date(const std::string& text);
std::optional<Time> parse_iso_time(const std::string& text);
std::string iso_time(Time time);

}  // namespace fanout::github
