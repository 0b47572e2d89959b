#pragma once

#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/github/clock.hpp"
#include "server/github/failure.hpp"
#include "server/github/repository_name.hpp"
#include "server/http/client.hpp"

/// Ways to get a token: a person's, by the device flow, and an App's. All throw ApiError, whose message holds no secret,
/// and operation_aborted when cancelled.
namespace fanout::github {

using async::awaitable;

/// What a person is to type, and what we ask with meanwhile.
struct DeviceCode {
  std::string user_code, verification_uri;
  std::string device_code;  ///< Never to be printed.
  Time expires;
  milliseconds interval{5'000};
};

/// `pages`: where the host's pages are, such as "https://github.com".
awaitable<DeviceCode> ask_for_code(http::Client& http, Clock clock, std::string pages, std::string client_id,
                                   std::vector<std::string> scopes);
/// Until the code was typed. Error permanent: it was refused, or nobody typed it in time.
awaitable<std::string> await_token(http::Client& http, Clock clock, std::string pages, std::string client_id,
                                   DeviceCode code);

struct App {
  std::string id, key;       ///< The key: PEM; never to be printed.
  std::string installation;  ///< Empty: the one of the repository.
};

struct InstallationToken {
  std::string value;  ///< Never to be printed.
  Time expires;
};

awaitable<InstallationToken> installation_token(http::Client& http, Clock clock, Endpoints endpoints, App app,
                                                Repository repository);
/// Whose a token is, what it may do, and how much of the primary limit is left.
struct Owner {
  std::string account;              ///< Empty for an installation of an App.
  std::vector<std::string> scopes;  ///< Of a classic token.
  unsigned limit = 0, remaining = 0;
  Time resets{};
};
awaitable<Owner> owner_of(http::Client& http, Clock clock, Endpoints endpoints, std::string token);

/// The App's name for people.
awaitable<std::string> app_name(http::Client& http, Clock clock, Endpoints endpoints, App app);

}  // namespace fanout::github
