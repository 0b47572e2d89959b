#include "common/redact.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace fanout {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kGithub = "ghp_" + std::string(36, 'a') + "9";
const std::string kKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\nQyNTUxOQAAACB+/=\n-----END OPENSSH PRIVATE KEY-----";

TEST(Redaction, KnowsTheWellKnownForms) {
  const std::string many(40, 'b');
  for (const std::string& secret : {kGithub, "gho_" + many, "ghs_" + many, "github_pat_11A" + many, "glpat-" + many, std::string("xoxb-12345678901-abc"),
                             std::string("AKIAABCDEFGHIJKLMNOP"), "sk-ant-api03-" + many, "sk-proj-1" + many, "AIzaSy" + many,
                             "npm_" + many, "hf_" + many, "sk_live_" + many,
                             std::string("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk_-")}) {
    for (const std::string before : {"", "x=", "\"", "\x1b[1;32m", "\\u001b[32m", "line\\n", "\n"}) {
      EXPECT_EQ(redacted(before + secret + " end"), before + "[redacted] end") << secret;
    }
  }
}

TEST(Redaction, TakesWhatStandsBeforeASecretForItsSign) {
  EXPECT_EQ(redacted("postgres://admin:hunter2@db/x"), "postgres://[redacted]@db/x");
  EXPECT_EQ(redacted("curl -H 'Authorization: Bearer abc.def' x"), "curl -H 'Authorization: [redacted]' x");
  EXPECT_EQ(redacted("x-api-key: abcdefghijklmnopqrst"), "x-api-key: [redacted]");
  const std::string forty = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzzzzzzzKEY";
  EXPECT_EQ(redacted("aws_secret_access_key = " + forty), "aws_secret_access_key = [redacted]");
  EXPECT_EQ(redacted("{\"SecretAccessKey\": \"" + forty + "\"}"), "{\"SecretAccessKey\": \"[redacted]\"}");
}

TEST(Redaction, LeavesOrdinaryTextAlone) {
  for (const char* text : {"ssh://git@github.com/a/b", "http://localhost:8080/@x", "Authorization: the user must log in first",
                           "task-0123456789012345678901234567890", "sk-learn-is-a-library-of-python", "risk-1234567890123456789012",
                           "AKIA", "AKIAIOSFODNN7EXAMPLEX", "eyJ", "7fd31e73c0ffee7fd31e73c0ffee7fd31e73c0ff", "-----BEGIN PUBLIC KEY-----\nabc",
                           "ghp_", "me@example.com", "https://a/b?c=d:e@f"}) {
    EXPECT_EQ(redacted(text), text);
  }
}

TEST(Redaction, HalfASecretAtTheEndOfACutTextIsOne) {
  EXPECT_EQ(redacted("x ghp_abc", {}, TextEnd::cut), "x [redacted]");
  EXPECT_EQ(redacted("x ghp_abc y", {}, TextEnd::cut), "x ghp_abc y");
  EXPECT_EQ(redacted("git clone https://me:pass", {}, TextEnd::cut), "git clone https://[redacted]");
  EXPECT_EQ(redacted("curl http://localhost:80", {}, TextEnd::cut), "curl http://localhost:80");
  const std::vector<std::string> known{"correct horse battery"};
  EXPECT_EQ(redacted("it is correct horse b", known, TextEnd::cut), "it is [redacted]");
  EXPECT_EQ(redacted("it is correct horse b", known), "it is correct horse b");
}

TEST(Redactor, HidesWhatItWasToldWhereverItStands) {
  Redactor redactor;
  redactor.learn("hunter2-hunter2\n");
  redactor.learn("short");
  redactor.learn("first line\nsecond line");
  EXPECT_EQ(redactor("a:hunter2-hunter2hunter2-hunter2,b short"), "a:[redacted][redacted],b short");
  EXPECT_EQ(redactor("second line only"), "[redacted] only");
}

TEST(LineRedactor, FollowsAPrivateKeyOverItsLines) {
  const Redactor redactor;
  LineRedactor lines;
  std::string all;
  std::istringstream key("cat key\n" + kKey + "\ndone\n");
  for (std::string line; std::getline(key, line);) all += lines(redactor, line) + "\n";
  EXPECT_EQ(all, "cat key\n[redacted]\n[redacted]\n[redacted]\n[redacted]\ndone\n");
}

TEST(LineRedactor, AKeyThatNeverEndsHidesNoWordsAfterIt) {
  const Redactor redactor;
  LineRedactor lines;
  lines(redactor, "-----BEGIN RSA PRIVATE KEY-----");
  EXPECT_EQ(lines(redactor, "MIIEpAIBAAKCAQEA"), "[redacted]");
  EXPECT_EQ(lines(redactor, "and so on, he said"), "and so on, he said");
  EXPECT_EQ(lines(redactor, "word"), "word");
}

TEST(StreamRedactor, IsTheSameHoweverItIsCut) {
  Redactor redactor;
  redactor.learn("correct horse battery");
  const std::string text = "begin " + kGithub + " and https://u:p@h/ then correct horse battery.\n" + kKey +
                           "\nAuthorization: Bearer abc\nplain text of no interest\nlast " + kGithub;
  StreamRedactor whole;
  auto expected = whole.add(redactor, text);
  expected += whole.finish(redactor);
  EXPECT_THAT(expected, Not(HasSubstr("ghp_")));
  EXPECT_THAT(expected, Not(HasSubstr("horse")));
  EXPECT_THAT(expected, Not(HasSubstr("b3Blbn")));
  EXPECT_THAT(expected, Not(HasSubstr("abc")));
  EXPECT_THAT(expected, HasSubstr("plain text of no interest"));
  for (std::size_t piece = 1; piece < 40; ++piece) {
    StreamRedactor stream;
    std::string told;
    for (std::size_t at = 0; at < text.size(); at += piece) told += stream.add(redactor, std::string_view(text).substr(at, piece));
    told += stream.finish(redactor);
    for (const char* secret : {"aaaa", "u:p", "horse", "b3Blbn", "QyNT", "Bearer abc"}) EXPECT_THAT(told, Not(HasSubstr(secret))) << piece;
    EXPECT_THAT(told, HasSubstr("plain text of no interest")) << piece;
  }
}

TEST(Redaction, OfALongLineIsOnePass) {
  // Hostile text: everything begins like a secret and is none. With a pass for each beginning this would take minutes.
  std::string text;
  while (text.size() < 200'000) text += "://ghp_sk-eyJ-----BEGIN authorization:";
  EXPECT_EQ(find_secrets(text).size(), 0u);
}

TEST(Placeholders, AreToldFromSecrets) {
  EXPECT_TRUE(is_placeholder_secret("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
  EXPECT_TRUE(is_placeholder_secret("AKIAIOSFODNN7EXAMPLE"));
  EXPECT_TRUE(is_placeholder_secret("ghp_000000000000000000000000000000000000"));
  EXPECT_FALSE(is_placeholder_secret("ghp_a8Fk2LxQ0pZr7VtYw3Nc5Mb9Hd4Js6Ge1U"));
}

TEST(SecretNames, AreKnownByTheirEnd) {
  for (const char* name : {"NPM_TOKEN", "DB_PASSWORD", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"}) EXPECT_TRUE(is_secret_name(name));
  for (const char* name : {"PATH", "TOKEN_FILE", "SSH_AUTH_SOCK", "KEYBOARD"}) EXPECT_FALSE(is_secret_name(name));
}

}  // namespace
}  // namespace fanout
