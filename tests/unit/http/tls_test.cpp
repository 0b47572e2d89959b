#include "tests/unit/http/http_fixture.hpp"

namespace fanout::http {
namespace {

using testing::HasSubstr;

class Tls : public testing::Test {
 protected:
  ClientOptions trusting() const {
    ClientOptions options;
    options.authorities = {authority_file_};
    return options;
  }

  test::Authority authority_;
  Folder folder_;
  std::filesystem::path authority_file_ = folder_.write("authority.pem", authority_.certificate());
  HttpServer::Handler hello_ = [](const HttpRequest&) { return HttpAnswer{200, {}, "hello"}; };
};

TEST_F(Tls, AnAuthorityOfOnesOwnIsTrustedWhenNamed) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  const auto outcomes = send(trusting(), {get(server.url()), post(server.url(), "x")});
  ASSERT_TRUE(outcomes[0].response) << outcomes[0].error->what();
  EXPECT_EQ(outcomes[1].response->body, "hello");
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(Tls, TheVariableThatOthersUseNamesOneToo) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  ClientOptions options;
  options.environment["SSL_CERT_FILE"] = authority_file_;
  EXPECT_TRUE(send_one(get(server.url()), options).response);
}

TEST_F(Tls, OneThatNobodyNamedIsNotTrusted) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  const auto outcome = send_one(post(server.url(), "secret"));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->stage(), Stage::handshake);
  EXPECT_EQ(outcome.error->kind(), ErrorKind::system);
  EXPECT_FALSE(outcome.error->may_have_been_received());
  EXPECT_THAT(outcome.error->what(), HasSubstr("not trusted"));
}

TEST_F(Tls, TheCertificateOfAnotherHostIsRefused) {
  HttpServer server(hello_, authority_.issue("DNS:elsewhere.example"));
  const auto outcome = send_one(get(server.url()), trusting());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.error->what(), HasSubstr("not one of localhost"));
}

TEST_F(Tls, AnAddressIsComparedWithTheAddressesOfTheCertificate) {
  HttpServer right(hello_, authority_.issue("IP:127.0.0.1"));
  HttpServer wrong(hello_, authority_.issue("DNS:localhost"));
  EXPECT_TRUE(send_one(get("https://127.0.0.1:" + std::to_string(right.port())), trusting()).response);
  EXPECT_TRUE(send_one(get("https://127.0.0.1:" + std::to_string(wrong.port())), trusting()).error);
}

TEST_F(Tls, AServerThatSpeaksNoTlsIsNoSecureConnection) {
  HttpServer server(hello_);
  const auto outcome = send_one(post("https://127.0.0.1:" + std::to_string(server.port()), "x"), trusting());
  ASSERT_TRUE(outcome.error);
  EXPECT_FALSE(outcome.error->may_have_been_received());
}

TEST_F(Tls, ALostAnswerLeavesTheOutcomeUnknown) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{201, {}, "made", Mishap::reset}; },
                    authority_.issue("DNS:localhost"));
  const auto outcome = send_one(post(server.url(), "x"), trusting());
  ASSERT_TRUE(outcome.error);
  EXPECT_TRUE(outcome.error->may_have_been_received());
}

TEST_F(Tls, AFileThatHoldsNoCertificatesIsNamed) {
  ClientOptions options;
  options.authorities = {folder_.write("empty.pem", "nothing")};
  try {
    send_one(get("https://localhost/"), options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("empty.pem"));
  }
}

TEST_F(Tls, GoesThroughAProxyThatWantsAPassword) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  test::ConnectProxy proxy(basic_credentials("user:p@ss"));
  auto options = trusting();
  options.environment["HTTPS_PROXY"] = "http://user:p%40ss@" + proxy.address();
  const auto outcome = send_one(get(server.url()), options);
  ASSERT_TRUE(outcome.response) << outcome.error->what();
  EXPECT_EQ(outcome.response->body, "hello");
  EXPECT_THAT(proxy.targets(), testing::ElementsAre("localhost:" + std::to_string(server.port())));
}

TEST_F(Tls, AProxyThatRefusesIsToldApartFromTheServer) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  test::ConnectProxy proxy(basic_credentials("user:right"));
  auto options = trusting();
  options.environment["HTTPS_PROXY"] = "http://user:wrong@" + proxy.address();
  const auto outcome = send_one(post(server.url(), "x"), options);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->stage(), Stage::proxy);
  EXPECT_FALSE(outcome.error->may_have_been_received());
  EXPECT_THAT(outcome.error->what(), HasSubstr("user name and a password"));
  EXPECT_THAT(outcome.error->what(), testing::Not(HasSubstr("wrong@")));
}

TEST_F(Tls, NoProxyForHostsThatAreExcepted) {
  HttpServer server(hello_, authority_.issue("DNS:localhost"));
  test::ConnectProxy proxy("");
  auto options = trusting();
  options.environment = {{"HTTPS_PROXY", proxy.address()}, {"NO_PROXY", "example.com,localhost"}};
  EXPECT_TRUE(send_one(get(server.url()), options).response);
  EXPECT_TRUE(proxy.targets().empty());
}

}  // namespace
}  // namespace fanout::http
