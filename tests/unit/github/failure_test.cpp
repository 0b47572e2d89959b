#include "server/github/failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace fanout::github {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ApiError classified(unsigned status, std::vector<http::Header> headers, std::string body) {
  const http::Response response{status, std::move(headers), std::move(body)};
  return classify(response, rate_headers(response, Time(1'700'000'000'000ms)), "create the issue");
}

ApiError graphql(const char* error) { return classify_graphql(boost::json::parse(error), {}, "create the issue"); }

TEST(Failure, ARefusedTokenIsAuthentication) {
  const auto error = classified(401, {}, R"({"message":"Bad credentials"})");
  EXPECT_EQ(error.failure(), Failure::authentication);
  EXPECT_EQ(error.kind(), ErrorKind::precondition);
  EXPECT_THAT(error.what(), HasSubstr("Bad credentials"));
}

TEST(Failure, PermissionNamesWhatTheTokenLacks) {
  const auto classic = classified(403, {{"X-OAuth-Scopes", "gist"}, {"X-Accepted-OAuth-Scopes", "repo"}},
                                  R"({"message":"Resource not accessible by personal access token"})");
  EXPECT_EQ(classic.failure(), Failure::permission);
  EXPECT_EQ(classic.scope, "repo");
  const auto fine = classified(403, {{"X-Accepted-GitHub-Permissions", "issues=write"}}, "{}");
  EXPECT_EQ(fine.scope, "issues=write");
  EXPECT_THAT(fine.what(), HasSubstr("issues=write"));
  EXPECT_THAT(classified(403, {{"X-GitHub-SSO", "required; url=https://x"}}, "{}").what(), HasSubstr("single sign-on"));
}

TEST(Failure, TheTimeToWaitIsReadInTheDocumentedOrder) {
  const auto named = classified(403, {{"Retry-After", "17"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1700000999"}},
                                R"({"message":"You have exceeded a secondary rate limit."})");
  EXPECT_EQ(named.failure(), Failure::limit);
  EXPECT_TRUE(named.secondary);
  EXPECT_EQ(named.wait, 17s);
  const auto primary = classified(403, {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1700000999"}},
                                  R"({"message":"API rate limit exceeded for user"})");
  EXPECT_FALSE(primary.secondary);
  EXPECT_EQ(primary.wait, 999s);
  const auto silent = classified(429, {{"X-RateLimit-Remaining", "4000"}}, "");
  EXPECT_TRUE(silent.secondary);
  EXPECT_FALSE(silent.wait);
}

TEST(Failure, OldAndOddWordsForALimitAreKnown) {
  for (const char* message : {"You have triggered an abuse detection mechanism.", "You have exceeded a Secondary Rate limit",
                              "Validation failed, was submitted too quickly"}) {
    const auto error = classified(message[0] == 'V' ? 422 : 403, {{"X-RateLimit-Remaining", "4000"}},
                                  std::string(R"({"message":")") + message + "\"}");
    EXPECT_EQ(error.failure(), Failure::limit) << message;
    EXPECT_FALSE(error.outcome_unknown());
  }
}

TEST(Failure, ValidationNamesFieldAndReason) {
  const auto error = classified(422, {}, R"({"message":"Validation Failed","errors":[
      {"resource":"PullRequest","field":"head","code":"invalid"},{"resource":"PullRequest","code":"custom","message":"No commits"}]})");
  EXPECT_EQ(error.failure(), Failure::validation);
  EXPECT_EQ(error.field, "head");
  EXPECT_EQ(error.reason, "invalid");
  EXPECT_THAT(error.what(), HasSubstr("head is invalid; No commits"));
  EXPECT_FALSE(error.outcome_unknown());
}

TEST(Failure, WhatIsNotFoundMayBePrivate) {
  const auto error = classified(404, {}, R"({"message":"Not Found"})");
  EXPECT_EQ(error.failure(), Failure::not_found);
  EXPECT_THAT(error.what(), HasSubstr("private"));
}

TEST(Failure, DisabledIssuesArePermanent) {
  const auto error = classified(410, {}, R"({"message":"Issues are disabled for this repo"})");
  EXPECT_EQ(error.failure(), Failure::permanent);
  EXPECT_THAT(error.what(), HasSubstr("disabled"));
}

TEST(Failure, TroubleAtTheServerLeavesTheOutcomeUnknown) {
  for (const unsigned status : {500u, 502u, 503u, 504u}) {
    const auto error = classified(status, {{"Content-Type", "text/html"}}, "<html>Unicorn!</html>");
    EXPECT_EQ(error.failure(), Failure::transient);
    EXPECT_TRUE(error.outcome_unknown());
    EXPECT_EQ(error.status, status);
  }
}

TEST(Failure, ABrokenConnectionIsUnknownOnlyWhenSomethingHadLeft) {
  const http::TransportError before(ErrorKind::unavailable, "no", http::Stage::connect, false);
  const http::TransportError after(ErrorKind::timed_out, "no", http::Stage::read, true);
  const http::TransportError distrust(ErrorKind::system, "no", http::Stage::handshake, false);
  EXPECT_FALSE(classify(before, "x").outcome_unknown());
  EXPECT_TRUE(classify(after, "x").outcome_unknown());
  EXPECT_EQ(classify(before, "x").failure(), Failure::transient);
  EXPECT_EQ(classify(distrust, "x").failure(), Failure::permanent);
}

TEST(Failure, ErrorsOfGraphqlHaveTypes) {
  EXPECT_EQ(graphql(R"({"type":"RATE_LIMITED","message":"API rate limit exceeded"})").failure(), Failure::limit);
  EXPECT_TRUE(graphql(R"({"type":"UNPROCESSABLE","message":"was submitted too quickly"})").secondary);
  EXPECT_EQ(graphql(R"({"type":"UNPROCESSABLE","message":"Title can't be blank"})").failure(), Failure::validation);
  EXPECT_EQ(graphql(R"({"type":"FORBIDDEN","message":"Resource not accessible"})").failure(), Failure::permission);
  EXPECT_EQ(graphql(R"({"type":"NOT_FOUND","message":"no"})").failure(), Failure::not_found);
  EXPECT_TRUE(graphql(R"({"message":"Something went wrong while executing your query."})").outcome_unknown());
  EXPECT_TRUE(graphql("1").outcome_unknown());
}

TEST(Failure, NoMessageHoldsAToken) {
  const auto error = classified(400, {}, R"({"message":"bad: ghp_0123456789012345678901234567890123456789"})");
  EXPECT_THAT(error.what(), testing::Not(HasSubstr("ghp_0123")));
}

}  // namespace
}  // namespace fanout::github
