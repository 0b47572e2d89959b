// Webhook deliveries that Octokit has signed, against what we make of a signature.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "server/github/jwt.hpp"
#include "tests/counterparts/counterpart.hpp"

namespace fanout::github {
namespace {

std::string text(const boost::json::value& vector, const char* key) { return std::string(vector.at(key).as_string()); }

TEST(Signatures, ThoseThatOctokitMakesAreRightAndNoOthers) {
  if (const auto why = test::npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
  const auto vectors = boost::json::parse(test::output_of(test::script("signatures.mjs", {}))).as_array();
  ASSERT_GE(vectors.size(), 20u);
  for (const auto& vector : vectors) {
    const auto secret = text(vector, "secret"), payload = text(vector, "payload"), signature = text(vector, "signature");
    EXPECT_TRUE(is_signed(payload, signature, secret)) << payload.substr(0, 80);
    EXPECT_FALSE(is_signed(payload + " ", signature, secret));
    EXPECT_FALSE(is_signed(payload, signature, secret + "x"));
    auto other = signature;
    other.back() = other.back() == '0' ? '1' : '0';
    EXPECT_FALSE(is_signed(payload, other, secret));
    EXPECT_FALSE(is_signed(payload, signature.substr(0, signature.size() - 1), secret));
    EXPECT_FALSE(is_signed(payload, signature.substr(7), secret)) << "without sha256=";
    EXPECT_FALSE(is_signed(payload, "", secret));
  }
}

}  // namespace
}  // namespace fanout::github
