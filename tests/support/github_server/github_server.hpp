#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/github/repository_name.hpp"
#include "tests/support/github_server/world.hpp"

namespace fanout::test {

/// Something that goes wrong with a request.
struct Fault {
  std::string method;    ///< "": any.
  std::string path;      ///< Part of the path; "": any.
  unsigned times = 1;    ///< How often.
  unsigned after = 0;    ///< Matching requests that are let through before.
  bool carried_out = false;  ///< The request has its effect all the same.
  HttpAnswer answer;     ///< Given instead; of it `mishap` alone counts where `status` is 0.
  std::function<void()> then = {};  ///< Called between the effect and the answer; calls nothing of the server.
};

struct GithubServerOptions {
  github::Clock clock;
  std::chrono::microseconds latency{500};  ///< Real time that an answer takes,
  std::chrono::microseconds creating{0};   ///< and more for each object that is made.
  unsigned primary = 5000;                 ///< Requests an hour.
  unsigned created_per_minute = 80, created_per_hour = 500, points_per_minute = 900;
  std::chrono::milliseconds skew{0};       ///< Of its clock.
  unsigned short port = 0;                 ///< 0: any.
};

/// The answer is lost on its way; the request has had its effect, or not.
inline Fault lost(std::string method, std::string path, bool carried_out, Mishap mishap = Mishap::reset) {
  Fault fault{std::move(method), std::move(path), 1, 0, carried_out, {}, {}};
  fault.answer.status = 0;
  fault.answer.mishap = mishap;
  return fault;
}

/// Another answer is given; the request has had its effect, or not.
inline Fault answered(std::string method, std::string path, HttpAnswer answer, bool carried_out = false) {
  return {std::move(method), std::move(path), 1, 0, carried_out, std::move(answer), {}};
}

/// As the Date header has it.
std::string http_date(Time time);

/// A GitHub of our own, on 127.0.0.1, with one repository (octo/hello), that checks what it is sent against
/// GitHub's rules. What breaks a rule is refused as GitHub would, and noted. All may be called from any thread.
class GithubServer {
 public:
  explicit GithubServer(GithubServerOptions options = {});
  ~GithubServer();

  github::Endpoints endpoints() const;
  github::Repository repository() const { return {"127.0.0.1", "octo", "hello"}; }

  /// Reads or changes what is in it.
  template <class F>
  auto with(F&& use) {
    const std::lock_guard lock(mutex_);
    return use(world_);
  }
  void fail(Fault fault);
  /// Faults that have not come to pass yet.
  std::size_t faults_left();
  /// Nothing fails any more.
  void heal();
  /// Nobody can reach it, as when the network is gone; connections break. What is in it stays.
  void go_offline();
  void come_back();

  std::vector<ServerIssue> issues();
  std::vector<ServerPull> pulls();
  std::string token();

  /// What no well-behaved client does; each a sentence.
  std::vector<std::string> violations();
  /// How often a limit was hit, primary or secondary, faults not counted.
  unsigned limits_hit();
  /// "POST /repos/octo/hello/issues" of all requests that came, in order.
  std::vector<std::string> requests();
  std::size_t count(const std::string& part_of_request);

 private:
  struct Usage;
  HttpAnswer serve(const HttpRequest& request);
  HttpAnswer judged(const HttpRequest& request, Time now);
  std::optional<Fault> fault_for(const HttpRequest& request);
  std::optional<HttpAnswer> without_token(const HttpRequest& request, Time now);
  std::optional<HttpAnswer> refused(const HttpRequest& request, Time now);
  std::optional<HttpAnswer> limited(const HttpRequest& request, Time now);
  HttpAnswer handled(const HttpRequest& request, Time now);
  void add_headers(const HttpRequest& request, HttpAnswer& answer, Time now);
  void listen(unsigned short port);

  GithubServerOptions options_;
  std::mutex mutex_;
  World world_;
  std::vector<Fault> faults_;
  std::vector<std::string> violations_, requests_;
  std::unique_ptr<Usage> usage_;
  std::string url_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace fanout::test
