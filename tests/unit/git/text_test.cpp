#include "server/git/credentials.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;

TEST(Secrets, AreStruckOutOfUrls) {
  EXPECT_EQ(without_secrets("cannot reach https://joe:pa@ss@example.org/x: no"),
            "cannot reach https://***@example.org/x: no");
  EXPECT_EQ(without_secrets("https://ghp_token@example.org and http://a:b@c"),
            "https://***@example.org and http://***@c");
  EXPECT_EQ(without_secrets("ssh://joe:secret@example.org"), "ssh://***@example.org");
}

TEST(Secrets, WhatIsNoneIsKept) {
  for (const char* text :
       {"", "plain", "ssh://git@example.org/x", "https://example.org/a@b", "a@b: c", "://", "file:///x"}) {
    EXPECT_EQ(without_secrets(text), text);
  }
}

TEST(SshKeys, ThoseWithAPassphraseAreNotOffered) {
  TempDir home;
  fs::create_directory(home / ".ssh");
  const auto make = [&](const char* type, const char* passphrase) {
    const std::string file = (home / ".ssh" / (std::string("id_") + type)).string();
    const test::Output made =
        test::run_in(home.path(), {"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", file});
    ASSERT_EQ(made.status, 0) << made.text;
  };
  if (test::run_in(home.path(), {"sh", "-c", "command -v ssh-keygen"}).status != 0)
    GTEST_SKIP() << "no ssh-keygen";
  make("ed25519", "secret words");
  make("ecdsa", "");
  EXPECT_THAT(plain_ssh_keys(home.path()), ElementsAre(home / ".ssh/id_ecdsa"));
}

TEST(SshKeys, OldFormatsAreTold) {
  TempDir home;
  write_file(home / ".ssh/id_rsa", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n");
  write_file(home / ".ssh/id_ecdsa", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n");
  EXPECT_THAT(plain_ssh_keys(home.path()), ElementsAre(home / ".ssh/id_ecdsa"));
}

}  // namespace
}  // namespace fanout::git
