#include <git2.h>

#include <cstdlib>

#include "server/git/handle.hpp"
#include "tests/support/git_https_server.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// From now on this process trusts the authority, and no other.
void trust(const test::Authority& authority) {
  check(git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, authority.root.c_str(), nullptr), "trust");
}

class HttpsPushTest : public ::testing::Test {
 protected:
  HttpsPushTest() : bare_(sandbox_.add_bare_remote()) {
    sandbox_.commit_file("f", "1\n");
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
    tip_ = sandbox_.commit_file("g", "2\n");
    sandbox_.git({"remote", "set-url", "origin", server_.url() + "/origin.git"});
    git_in(bare_, {"config", "http.receivepack", "true"});
  }
  ~HttpsPushTest() override { fs::remove(user_config()); }

  static fs::path user_config() { return fs::path(std::getenv("HOME")) / ".gitconfig"; }

  /// The user's credential helper, which writes down what it is asked to do.
  void log_in_with(const std::string& password) {
    write_file(user_config(), "[credential]\n\thelper = \"!f() { echo $1 >>" + log().string() +
                                  "; test $1 = get && echo username=ann && echo password=" + password +
                                  "; }; f\"\n");
  }

  fs::path log() const { return sandbox_.outside() / "log"; }

  GitSandbox sandbox_;
  fs::path bare_;
  std::string tip_;
  test::TempDir folder_;
  test::Authority authority_{folder_.path()};
  test::GitHttpsServer server_{sandbox_.outside(), authority_, "ann", "hush"};
};

TEST_F(HttpsPushTest, TheUsersCredentialHelperLogsInAndLearnsThatItWorked) {
  trust(authority_);
  log_in_with("hush");
  EXPECT_EQ(std::get<std::string>(push(sandbox_.root(), "origin", "work", {})), tip_);
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work"}), tip_);
  EXPECT_EQ(read_file(log()), "get\nstore\n");
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "work", {}), tip_);
}

TEST_F(HttpsPushTest, AWrongPasswordIsSaidWithoutIt) {
  trust(authority_);
  log_in_with("guess");
  const auto message =
      error_of(ErrorKind::precondition, [&] { push(sandbox_.root(), "origin", "work", {}); });
  EXPECT_THAT(message, AllOf(HasSubstr("credential helpers"), Not(HasSubstr("guess"))));
  EXPECT_EQ(read_file(log()), "get\nerase\n");
  EXPECT_EQ(git_in(bare_, {"for-each-ref"}), "");
}

TEST_F(HttpsPushTest, AServerThatNobodyVouchesForGetsNoPassword) {
  test::TempDir folder;
  const test::Authority other(folder.path());
  trust(other);
  log_in_with("hush");
  const auto message =
      error_of(ErrorKind::precondition, [&] { push(sandbox_.root(), "origin", "work", {}); });
  EXPECT_THAT(message, HasSubstr("trusted"));
  EXPECT_FALSE(fs::exists(log()));
  EXPECT_EQ(git_in(bare_, {"for-each-ref"}), "");
}

}  // namespace
}  // namespace fanout::git
