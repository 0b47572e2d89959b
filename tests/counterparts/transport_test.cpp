// Whole runs over TLS that nginx speaks, with pushes to git's own http-backend, directly and through tinyproxy.
#include <algorithm>

#include "tests/counterparts/counterpart_run.hpp"
#include "tests/counterparts/nginx.hpp"
#include "tests/support/git_https_server.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// As in a clone from a GitHub Enterprise Server at https://localhost, with an authority of its own.
class Transport : public CounterpartRun {
 protected:
  void SetUp() override {
    for (const auto& why : {npm_is_missing(), debian_is_missing()}) {
      if (!why.empty()) GTEST_SKIP() << why;
    }
    port_ = free_port();
    github_ = emulator(api());
    git_ = std::make_unique<GitBackend>(pushes_);
    nginx_ = std::make_unique<Nginx>("ssl_certificate " + authority_.certificate.string() + "; ssl_certificate_key " +
                                         authority_.key.string() + ";",
                                     "location /api/v3/ { proxy_pass " + github_->url() + "/; }" + git_->location(), "ssl", port_);
    repository_.git({"remote", "remove", "origin"});
    repository_.git({"remote", "add", "origin", server() + "/mona/hello.git"});
    write_file(home_ / ".gitconfig", std::string("[credential]\n\thelper = \"!f() { test $1 = get && echo username=x-access-token"
                                                 " && echo password=") + kToken + "; }; f\"\n");
  }

  std::string server() const { return "https://localhost:" + std::to_string(port_); }
  std::string api() const { return server() + "/api/v3"; }

  void start(std::vector<std::string> more) {
    more.insert(more.end(), {std::string("GH_ENTERPRISE_TOKEN=") + kToken, "GITHUB_SERVER_URL=https://localhost",
                             "GITHUB_API_URL=" + api(), "GITHUB_GRAPHQL_URL=" + server() + "/api/graphql",
                             "HOME=" + home_.path().string(), "GIT_SSL_CAINFO=", "SSL_CERT_DIR="});
    daemon_.emplace("20ms", std::move(more));
  }
  std::string trusting() const { return "SSL_CERT_FILE=" + authority_.root.string(); }

  unsigned short port_ = 0;
  TempDir authority_folder_, home_;
  Authority authority_{authority_folder_.path()};
  std::unique_ptr<Counterpart> github_;
  std::unique_ptr<GitBackend> git_;
  std::unique_ptr<Nginx> nginx_;
};

std::vector<std::string> paths(const std::vector<Served>& served) {
  std::vector<std::string> all;
  for (const auto& entry : served) all.push_back(entry.path);
  return all;
}

TEST_F(Transport, ARunPushesOverHttpsWithATokenAndTrustsAnAuthorityOfItsOwn) {
  start({trusting()});
  const auto run = run_and_sync(plan().task("a", commit_line("x.txt")).task("b", commit_line("y.txt"), {"a"}).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << task(run, "a").reason() << "\n" << daemon_->log();
  EXPECT_EQ(git_in(pushes_, {"rev-parse", "feature/b"}), repository_.git({"rev-parse", "feature/b"}));
  EXPECT_THAT(paths(nginx_->served("POST", 200)), Contains("/mona/hello.git/git-receive-pack"));
  const auto seen = look_at(github_->url());
  EXPECT_THAT(seen.titles(), testing::UnorderedElementsAre("do a", "do b"));
  EXPECT_THAT(seen.heads(), testing::UnorderedElementsAre("feature/a", "feature/b"));
  EXPECT_THAT(daemon_->log(), Not(HasSubstr(kToken)));
}

TEST_F(Transport, WhoDoesNotTrustTheAuthoritySendsNothingAndSaysWhy) {
  TempDir other_folder;
  const Authority other(other_folder.path());
  start({"SSL_CERT_FILE=" + other.root.string()});
  const auto run = run_to_end(*daemon_, plan().task("a", commit_line("x.txt")).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(task(run, "a").reason(), HasSubstr("not to be trusted"));
  EXPECT_GT(run.tracker_pending(), 0u);
  EXPECT_THAT(run.tracker_waiting(), AllOf(HasSubstr("not trusted"), HasSubstr("SSL_CERT_FILE")));
  EXPECT_THAT(nginx_->served(), IsEmpty());
}

class Proxied : public Transport {
 protected:
  void SetUp() override {
    Transport::SetUp();
    if (IsSkipped()) return;
    const auto port = free_port();
    const auto configuration = proxy_folder_ / "tinyproxy.conf";
    write_file(configuration, "Port " + std::to_string(port) + "\nListen 127.0.0.1\nAllow 127.0.0.1\nLogLevel Connect\nLogFile \"" +
                                  log().string() + "\"\nBasicAuth ann p4ss\nConnectPort " + std::to_string(port_) + "\n");
    proxy_ = std::make_unique<Counterpart>(
        std::vector<std::string>{debian_program("usr/bin/tinyproxy").string(), "-d", "-c", configuration.string()}, port);
  }

  std::filesystem::path log() const { return proxy_folder_ / "tinyproxy.log"; }
  std::string as(const std::string& login) const {
    return "HTTPS_PROXY=http://" + login + "@127.0.0.1:" + std::to_string(proxy_->port());
  }

  TempDir proxy_folder_;
  std::unique_ptr<Counterpart> proxy_;
};

/// The push goes to a folder: libgit2 1.5 does not come by a proxy that hangs up when it asks for a password.
TEST_F(Proxied, TheTrackerGoesThroughAProxyThatWantsAPassword) {
  repository_.git({"remote", "set-url", "--push", "origin", pushes_.string()});
  start({trusting(), as("ann:p%34ss"), "NO_PROXY=", "no_proxy="});
  const auto run = run_and_sync(plan().task("a", commit_line("x.txt")).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << task(run, "a").reason() << "\n" << daemon_->log();
  EXPECT_THAT(look_at(github_->url()).issues, SizeIs(1));
  EXPECT_THAT(read_file(log()), HasSubstr("CONNECT localhost:" + std::to_string(port_)));
  EXPECT_THAT(daemon_->log(), AllOf(Not(HasSubstr("p%34ss")), Not(HasSubstr("p4ss"))));
}

TEST_F(Proxied, AProxyThatRefusesIsSaidToDoSo) {
  start({trusting(), as("ann:guess"), "NO_PROXY=", "no_proxy="});
  const auto run = run_to_end(*daemon_, plan("push: false\n").task("a", commit_line("x.txt")).write());
  EXPECT_GT(run.tracker_pending(), 0u);
  EXPECT_THAT(run.tracker_waiting(), AllOf(HasSubstr("the proxy does not let us through"), HasSubstr("user name and a password"), Not(HasSubstr("guess"))));
  EXPECT_THAT(look_at(github_->url()).issues, IsEmpty());
}

}  // namespace
}  // namespace fanout::test
