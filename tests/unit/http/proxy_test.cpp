#include "server/http/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanout::http {
namespace {

std::string proxy_of(const Proxies& proxies, const std::string& url) {
  const auto proxy = proxies.of(parse_url(url));
  return proxy ? proxy->authority() : "";
}

TEST(Proxy, LowerCaseComesFirst) {
  const auto proxies = proxies_from({{"HTTPS_PROXY", "http://upper:1"}, {"https_proxy", "http://lower:2"}});
  EXPECT_EQ(proxy_of(proxies, "https://api.github.com/"), "lower:2");
  EXPECT_EQ(proxy_of(proxies, "http://api.github.com/"), "");
}

TEST(Proxy, TheUpperCaseOneForHttpIsNotBelieved) {
  EXPECT_EQ(proxy_of(proxies_from({{"HTTP_PROXY", "http://evil:1"}}), "http://a/"), "");
  EXPECT_EQ(proxy_of(proxies_from({{"http_proxy", "good:1"}}), "http://a/"), "good:1");
}

TEST(Proxy, OneForAllServesBoth) {
  const auto proxies = proxies_from({{"ALL_PROXY", "all:3128"}});
  EXPECT_EQ(proxy_of(proxies, "http://a/"), "all:3128");
  EXPECT_EQ(proxy_of(proxies, "https://a/"), "all:3128");
}

TEST(Proxy, ExceptionsAreHostsDomainsAndPorts) {
  const auto proxies =
      proxies_from({{"https_proxy", "p:1"}, {"no_proxy", "exact.org, .dotted.org,*.starred.org,ported.org:8443"}});
  EXPECT_EQ(proxy_of(proxies, "https://exact.org/"), "");
  EXPECT_EQ(proxy_of(proxies, "https://sub.exact.org/"), "");
  EXPECT_EQ(proxy_of(proxies, "https://inexact.org/"), "p:1");
  EXPECT_EQ(proxy_of(proxies, "https://a.dotted.org/"), "");
  EXPECT_EQ(proxy_of(proxies, "https://a.starred.org/"), "");
  EXPECT_EQ(proxy_of(proxies, "https://ported.org:8443/"), "");
  EXPECT_EQ(proxy_of(proxies, "https://ported.org/"), "p:1");
  EXPECT_EQ(proxy_of(proxies_from({{"https_proxy", "p:1"}, {"NO_PROXY", "*"}}), "https://a/"), "");
}

TEST(Proxy, AKindThatIsNotKnownIsNamedWithoutItsPassword) {
  try {
    proxies_from({{"https_proxy", "socks5://user:secret@host:1080"}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("https_proxy"));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret")));
  }
}

TEST(Proxy, CredentialsAreBase64) { EXPECT_EQ(basic_credentials("Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); }

}  // namespace
}  // namespace fanout::http
