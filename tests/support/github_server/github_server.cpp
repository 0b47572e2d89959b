#include "tests/support/github_server/github_server.hpp"

#include <algorithm>
#include <functional>
#include <sstream>

#include "server/github/headers.hpp"

namespace fanout::test {

using namespace std::chrono_literals;

/// What was spent, and what is on its way.
struct GithubServer::Usage {
  std::deque<std::pair<Time, unsigned>> created, points;
  unsigned primary_used = 0;
  Time window_ends{};
  unsigned writing = 0, open = 0;
  unsigned limits_hit = 0;

  static unsigned within(std::deque<std::pair<Time, unsigned>>& log, std::chrono::milliseconds span, Time now) {
    unsigned sum = 0;
    for (const auto& [time, count] : log) {
      if (time > now - span) sum += count;
    }
    return sum;
  }
};

namespace {

bool is_write(const HttpRequest& request) {
  if (request.target.starts_with("/graphql")) return request.body.find("\"query\":\"mutation") != std::string::npos;
  return request.method != "GET";
}

std::map<std::string, std::string> query_of(const std::string& target) {
  std::map<std::string, std::string> values;
  const auto mark = target.find('?');
  if (mark == target.npos) return values;
  std::istringstream pairs(target.substr(mark + 1));
  for (std::string pair; std::getline(pairs, pair, '&');) {
    const auto equals = pair.find('=');
    values[pair.substr(0, equals)] = equals == pair.npos ? "" : pair.substr(equals + 1);
  }
  return values;
}

HttpAnswer secondary_limit() {
  auto answer = refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.");
  answer.headers.emplace_back("Retry-After", "60");
  return answer;
}

}  // namespace

std::string http_date(Time time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

GithubServer::GithubServer(GithubServerOptions options) : options_(options), usage_(std::make_unique<Usage>()) {
  listen(options.port);
  url_ = http_->url();
}

void GithubServer::listen(unsigned short port) {
  http_ = std::make_unique<HttpServer>([this](const HttpRequest& request) { return serve(request); }, std::nullopt, port);
}

void GithubServer::go_offline() {
  options_.port = http_->port();
  http_.reset();
  const std::lock_guard lock(mutex_);
  usage_->open = usage_->writing = 0;
}

void GithubServer::come_back() { listen(options_.port); }

GithubServer::~GithubServer() = default;

github::Endpoints GithubServer::endpoints() const { return {url_, url_ + "/graphql"}; }

HttpAnswer GithubServer::serve(const HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  const auto now = options_.clock.now() + options_.skew;
  requests_.push_back(request.method + " " + request.target);
  const bool write = is_write(request);
  usage_->open += 1;
  usage_->writing += write ? 1 : 0;
  if (usage_->writing > 1) violations_.push_back("two writes at once: " + requests_.back());
  if (usage_->open > 100) violations_.push_back("more than 100 requests at once");
  auto answer = judged(request, now);
  answer.delay = options_.latency + options_.creating * creations(request);
  answer.sending = [this, write] {
    const std::lock_guard relock(mutex_);
    usage_->open -= 1;
    usage_->writing -= write ? 1 : 0;
  };
  return answer;
}

HttpAnswer GithubServer::judged(const HttpRequest& request, Time now) {
  if (auto fault = fault_for(request)) {
    auto answer = fault->carried_out ? handled(request, now) : HttpAnswer{};
    if (fault->then) fault->then();
    if (fault->answer.status != 0) return fault->answer;
    answer.mishap = fault->answer.mishap;
    return answer;
  }
  if (auto answer = without_token(request, now)) return *answer;
  if (auto answer = refused(request, now)) return *answer;
  if (auto answer = limited(request, now)) return *answer;
  auto answer = handled(request, now);
  add_headers(request, answer, now);
  return answer;
}

std::optional<Fault> GithubServer::fault_for(const HttpRequest& request) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (!fault->method.empty() && fault->method != request.method) continue;
    if (request.target.find(fault->path) == std::string::npos) continue;
    if (fault->after > 0) {
      --fault->after;
      continue;
    }
    auto found = *fault;
    if (--fault->times == 0) faults_.erase(fault);
    return found;
  }
  return std::nullopt;
}

/// Logs, which are kept elsewhere; and whoever has no token yet.
std::optional<HttpAnswer> GithubServer::without_token(const HttpRequest& request, Time now) {
  if (request.target.starts_with("/stored-logs/")) {
    if (!request.header("authorization").empty()) violations_.push_back("a token was sent to where logs are kept");
    const auto number = std::stoull(request.target.substr(13));
    for (const auto& [branch, seen] : world_.heads_seen) {
      for (const auto& commit : seen) {
        const auto checks = world_.checks_of(commit);
        const auto at = number - std::stoull(commit.substr(0, 6), nullptr, 16) * 100;
        if (number / 100 == std::stoull(commit.substr(0, 6), nullptr, 16) && at < checks.size()) return HttpAnswer{200, {}, checks[at].log};
      }
    }
    return HttpAnswer{404, {}, "no such log"};
  }
  auto decoded = request;
  if (request.target.starts_with("/login/")) decoded.target += "?" + request.body;  // a form
  Exchange exchange{world_, decoded, now, url_, decoded.target.substr(0, decoded.target.find('?')),
                    query_of(decoded.target), nullptr, violations_};
  return login(exchange);
}

/// Headers and token.
std::optional<HttpAnswer> GithubServer::refused(const HttpRequest& request, Time) {
  if (request.header("user-agent").empty()) {
    violations_.push_back("no User-Agent");
    return refusal(403, "Request forbidden by administrative rules.");
  }
  if (request.header("accept") != "application/vnd.github+json") violations_.push_back("an odd Accept header");
  if (request.header("x-github-api-version") != "2022-11-28") return refusal(400, "Unsupported API version");
  if (!request.body.empty() && request.header("content-type") != "application/json") violations_.push_back("an odd Content-Type");
  if (request.header("authorization") != "Bearer " + world_.token) return refusal(401, "Bad credentials");
  return std::nullopt;
}

std::optional<HttpAnswer> GithubServer::limited(const HttpRequest& request, Time now) {
  auto& usage = *usage_;
  if (now >= usage.window_ends) {
    usage.window_ends = now + 1h;
    usage.primary_used = 0;
  }
  if (usage.primary_used >= options_.primary) {
    ++usage.limits_hit;
    auto answer = refusal(403, "API rate limit exceeded for user ID 1.");
    add_headers(request, answer, now);
    return answer;
  }
  const auto created = creations(request);
  const unsigned cost = is_write(request) ? 5 * std::max(1u, created) : 1;
  const bool too_much = Usage::within(usage.points, 1min, now) + cost > options_.points_per_minute ||
                        (created > 0 && (Usage::within(usage.created, 1min, now) + created > options_.created_per_minute ||
                                         Usage::within(usage.created, 1h, now) + created > options_.created_per_hour));
  if (too_much) {
    ++usage.limits_hit;
    return secondary_limit();
  }
  ++usage.primary_used;
  usage.points.emplace_back(now, cost);
  if (created > 0) usage.created.emplace_back(now, created);
  return std::nullopt;
}

HttpAnswer GithubServer::handled(const HttpRequest& request, Time now) {
  Exchange exchange{world_, request, now, url_, request.target.substr(0, request.target.find('?')),
                    query_of(request.target), nullptr, violations_};
  if (!request.body.empty()) {
    boost::system::error_code damaged;
    exchange.body = json::parse(request.body, damaged);
    if (damaged) return refusal(400, "Problems parsing JSON");
  }
  return exchange.path == "/graphql" ? graphql(exchange) : rest(exchange);
}

void GithubServer::add_headers(const HttpRequest& request, HttpAnswer& answer, Time now) {
  if (request.method == "GET" && answer.status == 200) {
    const auto etag = "\"" + std::to_string(std::hash<std::string>()(answer.body)) + "\"";
    answer.headers.emplace_back("ETag", etag);
    if (request.header("if-none-match") == etag) {
      answer.status = 304;
      answer.body.clear();
      --usage_->primary_used;
    }
  }
  const auto reset = std::chrono::ceil<std::chrono::seconds>(usage_->window_ends).time_since_epoch().count();
  answer.headers.emplace_back("Date", http_date(now));
  answer.headers.emplace_back("X-RateLimit-Limit", std::to_string(options_.primary));
  answer.headers.emplace_back("X-RateLimit-Remaining",
                              std::to_string(options_.primary - std::min(options_.primary, usage_->primary_used)));
  answer.headers.emplace_back("X-RateLimit-Reset", std::to_string(reset));
  answer.headers.emplace_back("X-RateLimit-Resource", request.target.starts_with("/graphql") ? "graphql" : "core");
  if (!world_.token.starts_with("ghs_")) answer.headers.emplace_back("X-OAuth-Scopes", "repo, read:org");
}

void GithubServer::fail(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

std::size_t GithubServer::faults_left() {
  const std::lock_guard lock(mutex_);
  return faults_.size();
}

void GithubServer::heal() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::vector<ServerIssue> GithubServer::issues() {
  return with([](World& world) { return world.issues; });
}

std::vector<ServerPull> GithubServer::pulls() {
  return with([](World& world) { return world.pulls; });
}

std::string GithubServer::token() {
  return with([](World& world) { return world.token; });
}

std::vector<std::string> GithubServer::violations() {
  const std::lock_guard lock(mutex_);
  return violations_;
}

unsigned GithubServer::limits_hit() {
  const std::lock_guard lock(mutex_);
  return usage_->limits_hit;
}

std::vector<std::string> GithubServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t GithubServer::count(const std::string& part) {
  const auto all = requests();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& request) { return request.find(part) != request.npos; }));
}

}  // namespace fanout::test
