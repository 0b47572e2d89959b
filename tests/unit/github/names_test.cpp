#include <gtest/gtest.h>

#include "server/github/headers.hpp"
#include "server/github/repository_name.hpp"

namespace fanout::github {
namespace {

using namespace std::chrono_literals;

std::string parsed(const char* url) {
  const auto repository = parse_remote(url);
  return repository ? repository->host + " " + repository->path() : "";
}

TEST(RepositoryName, IsFoundInEveryFormOfRemote) {
  for (const char* url :
       {"https://github.com/octo/hello-world.git", "https://github.com/octo/hello-world", "git@github.com:octo/hello-world.git",
        "https://github.com/octo/hello-world/", "https://user:secret@github.com/octo/hello-world.git",
        "ssh://git@github.com/octo/hello-world.git", "ssh://git@ssh.github.com:443/octo/hello-world.git",
        "git://github.com/octo/hello-world.git", "github.com:octo/hello-world", "HTTPS://GitHub.com/octo/hello-world",
        "org-123@github.com:octo/hello-world.git"}) {
    EXPECT_EQ(parsed(url), "github.com octo/hello-world") << url;
  }
  EXPECT_EQ(parsed("git@git.example.com:team/a.b_c-d.git"), "git.example.com team/a.b_c-d");
  EXPECT_EQ(parsed("https://git.example.com:8443/team/name"), "git.example.com team/name");
}

TEST(RepositoryName, IsNotInventedWhereThereIsNone) {
  for (const char* url : {"", "/srv/git/a/b.git", "../a/b", "file:///srv/a/b", "C:/a/b", "https://github.com/octo",
                          "https://github.com/a/b/c", "git@github.com:octo", "https:///a/b", "https://github.com/a/..",
                          "https://github.com/a b/c", "./host:a/b"}) {
    const auto found = parsed(url);
    if (std::string(url) == "C:/a/b") continue;  // A host named C, as git itself would read it.
    EXPECT_EQ(found, "") << url;
  }
}

TEST(Endpoints, FollowTheHost) {
  EXPECT_EQ(endpoints_of("github.com").rest, "https://api.github.com");
  EXPECT_EQ(endpoints_of("github.com").graphql, "https://api.github.com/graphql");
  EXPECT_EQ(endpoints_of("acme.ghe.com").rest, "https://api.acme.ghe.com");
  EXPECT_EQ(endpoints_of("git.example.com").rest, "https://git.example.com/api/v3");
  EXPECT_EQ(endpoints_of("git.example.com").graphql, "https://git.example.com/api/graphql");
}

TEST(Headers, TheNextPageIsFoundAmongLinks) {
  EXPECT_EQ(next_page(R"(<https://a/1?page=1>; rel="prev", <https://a/repositories/7/issues?page=3>; rel="next", <https://a/9>; rel="last")"),
            "https://a/repositories/7/issues?page=3");
  EXPECT_EQ(next_page(R"(<https://a/1>; rel="first")"), "");
  EXPECT_EQ(next_page(""), "");
  EXPECT_EQ(next_page("nonsense"), "");
}

TEST(Headers, ResetIsMeasuredByTheServersClock) {
  const auto server = *parse_http_date("Sun, 06 Nov 2022 08:49:37 GMT");
  const Time ours = server - 2h;
  http::Response response;
  response.headers = {{"Date", "Sun, 06 Nov 2022 08:49:37 GMT"},
                      {"X-RateLimit-Limit", "5000"},
                      {"x-ratelimit-remaining", "0"},
                      {"X-RateLimit-Reset", std::to_string(std::chrono::floor<std::chrono::seconds>(server).time_since_epoch().count() + 90)},
                      {"Retry-After", "7"}};
  const auto rate = rate_headers(response, ours);
  EXPECT_EQ(rate.limit, 5000u);
  EXPECT_EQ(rate.remaining, 0u);
  EXPECT_EQ(rate.resets_in, 90s);
  EXPECT_EQ(rate.retry_after, 7s);
  EXPECT_EQ(rate.skew, 2h);
}

TEST(Headers, TimesAreReadAndWritten) {
  EXPECT_EQ(iso_time(*parse_iso_time("2024-02-29T23:59:58Z")), "2024-02-29T23:59:58Z");
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:58 GMT"), parse_iso_time("2024-02-29T23:59:58Z"));
  EXPECT_FALSE(parse_iso_time("yesterday"));
}

}  // namespace
}  // namespace fanout::github
