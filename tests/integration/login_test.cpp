// Logging in at GitHub: the device flow, tokens, Apps, and a token that is refused in the middle of a run.
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "fanout/v1/tracker.grpc.pb.h"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Login : public OnGithub {
 protected:
  explicit Login(bool with_token = false) : OnGithub({}, with_token) {}

  std::unique_ptr<v1::TrackerService::Stub> trackers() { return v1::TrackerService::NewStub(daemon_.channel()); }

  struct Outcome {
    grpc::Status status;
    std::vector<v1::LogInResponse> steps;
  };
  Outcome log_in(const v1::LogInRequest& request) {
    Outcome outcome;
    const auto context = patient();
    const auto stub = trackers();
    const auto reader = stub->LogIn(context.get(), request);
    v1::LogInResponse step;
    while (reader->Read(&step)) outcome.steps.push_back(step);
    outcome.status = reader->Finish();
    return outcome;
  }

  v1::Login status() {
    v1::GetLoginResponse response;
    const auto status = trackers()->GetLogin(patient().get(), v1::GetLoginRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.login();
  }
};

class LoggedIn : public Login {
 protected:
  LoggedIn() : Login(true) {}
};

TEST_F(Login, TheDeviceFlowStoresATokenThatOnlyThisUserCanReadAndRunsUseIt) {
  configure("client_id = \"Iv1.testclient\"\n");
  EXPECT_THAT(status().problem(), HasSubstr("fanout auth login"));
  const auto outcome = log_in(v1::LogInRequest());
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  ASSERT_THAT(outcome.steps, SizeIs(2));
  EXPECT_EQ(outcome.steps[0].code().user_code(), "WDJB-MJHT");
  EXPECT_EQ(outcome.steps[1].done().account(), "mona");
  struct stat found {};
  ASSERT_EQ(::stat((daemon_.state() / "logins.json").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
  EXPECT_EQ(status().source(), "fanout auth login");
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("x.txt")).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(server_.issues(), SizeIs(1));
  EXPECT_THAT(daemon_.log(), Not(HasSubstr(server_.token())));
}

TEST_F(Login, ARefusalInTheBrowserIsSaidAndNothingIsStored) {
  configure("client_id = \"Iv1.testclient\"\n");
  server_.with([](World& world) { world.access_denied = true; });
  const auto outcome = log_in(v1::LogInRequest());
  EXPECT_THAT(outcome.status.error_message(), HasSubstr("refused"));
  EXPECT_FALSE(std::filesystem::exists(daemon_.state() / "logins.json"));
}

TEST_F(Login, WithoutAnOauthAppItIsSaidWhatToDo) {
  const auto outcome = log_in(v1::LogInRequest());
  EXPECT_EQ(outcome.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(outcome.status.error_message(), AllOf(HasSubstr("--client-id"), HasSubstr("--with-token")));
}

TEST_F(Login, ATokenThatDoesNotWorkIsNotStored) {
  v1::LogInRequest request;
  request.set_token("ghp_wrong");
  EXPECT_THAT(log_in(request).status.error_message(), AllOf(HasSubstr("does not accept the token"), Not(HasSubstr("ghp_wrong"))));
  EXPECT_FALSE(std::filesystem::exists(daemon_.state() / "logins.json"));
}

TEST_F(Login, LoggingOutForgetsIt) {
  v1::LogInRequest request;
  request.set_token(server_.token());
  ASSERT_TRUE(log_in(request).status.ok());
  v1::LogOutResponse response;
  EXPECT_TRUE(trackers()->LogOut(patient().get(), v1::LogOutRequest(), &response).ok());
  EXPECT_EQ(response.host(), "github.com");
  EXPECT_THAT(read_file(daemon_.state() / "logins.json"), Not(HasSubstr(server_.token())));
  EXPECT_EQ(trackers()->LogOut(patient().get(), v1::LogOutRequest(), &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LoggedIn, TheStatusSaysWhoseTokenItIsAndWhatIsLeftAndNeverTheToken) {
  const auto login = status();
  EXPECT_EQ(login.source(), "GH_TOKEN");
  EXPECT_EQ(login.account(), "mona");
  EXPECT_THAT(login.scopes(), ElementsAre("repo", "read:org"));
  EXPECT_EQ(login.limit(), 5000u);
  EXPECT_GT(login.remaining(), 4000u);
  EXPECT_THAT(login.problem(), IsEmpty());
  EXPECT_THAT(login.DebugString(), Not(HasSubstr(server_.token())));
}

TEST_F(LoggedIn, ARevokedTokenStopsTheTrackerAloneAndSaysSoOnce) {
  const auto go = (repository_.outside() / "go").string();
  const auto file = plan().task("a", "while [ ! -e " + go + " ]; do sleep 0.05; done; " + commit_line("x.txt")).write();
  const auto id = execute(daemon_, file);
  wait_for(id, [](const v1::Event& event) { return event.has_issue_opened(); });
  const auto old = server_.token();
  server_.with([](World& world) { world.token = "ghp_anothertokenanothertokenanothertoken"; });
  write_file(go, "");
  wait_for(id, [](const v1::Event& event) { return event.phase() == v1::PHASE_COMPLETED; });
  wait_for(id, [](const v1::Event& event) { return event.notice().text().find("fanout auth") != std::string::npos; });
  v1::LogInRequest request;
  request.set_token(server_.token());
  ASSERT_TRUE(log_in(request).status.ok());
  // GH_TOKEN, which comes first, is still the old one: what was given just now is used all the same.
  const auto events = watch(daemon_, id);
  const auto notices = std::count_if(events.begin(), events.end(), [](const v1::Event& event) {
    return event.notice().text().find("does not accept the token") != std::string::npos;
  });
  EXPECT_EQ(notices, 1);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(run.tracker_pending(), 0u) << run.tracker_waiting();
  EXPECT_THAT(server_.pulls(), SizeIs(1));
  EXPECT_THAT(server_.issues(), SizeIs(1));
}

TEST_F(LoggedIn, TheBudgetIsThereForWhoeverAsks) {
  run_to_end(daemon_, plan().task("a", commit_line("x.txt")).write());
  v1::ListTrackersResponse response;
  ASSERT_TRUE(trackers()->ListTrackers(patient().get(), v1::ListTrackersRequest(), &response).ok());
  ASSERT_EQ(response.trackers_size(), 1);
  const auto& tracker = response.trackers(0);
  EXPECT_EQ(tracker.host(), "github.com");
  EXPECT_EQ(tracker.source(), "GH_TOKEN");
  EXPECT_GE(tracker.created_last_hour(), 3u) << "issue, comment, pull request";
  EXPECT_EQ(tracker.most_per_hour(), 450u);
  EXPECT_GT(tracker.requests(), 0u);
  EXPECT_EQ(tracker.limit(), 5000u);
}

/// A key pair; both PEM.
std::pair<std::string, std::string> new_key() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const auto text_of = [](BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  const std::unique_ptr<BIO, decltype(&BIO_free)> hidden(BIO_new(BIO_s_mem()), BIO_free), shown(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(hidden.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_PUBKEY(shown.get(), key.get());
  return {text_of(hidden.get()), text_of(shown.get())};
}

TEST_F(Login, AGithubAppWorksByItsKeyAndItsTokensAreGotAnewBeforeTheyEnd) {
  const auto [hidden, shown] = new_key();
  const auto file = repository_.outside() / "app.pem";
  write_file(file, hidden);
  server_.with([&, &key = shown](World& world) {
    world.app_id = "4711";
    world.app_public_key = key;
    world.is_app = true;
    world.installation_token_lasts = std::chrono::seconds(302);  // the next one is due two seconds later
  });
  configure("app_id = \"4711\"\napp_key = \"" + file.string() + "\"\n");
  const auto go = (repository_.outside() / "go").string();
  const auto id = execute(daemon_, plan().task("a", "while [ ! -e " + go + " ]; do sleep 0.05; done; " + commit_line("x.txt")).write());
  while (server_.with([](World& world) { return world.installation_tokens; }) < 2) std::this_thread::yield();
  write_file(go, "");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(run.tracker_pending(), 0u) << run.tracker_waiting();
  EXPECT_THAT(server_.pulls(), SizeIs(1));
  EXPECT_THAT(daemon_.log(), Not(HasSubstr("ghs_")));
}

}  // namespace
}  // namespace fanout::test
