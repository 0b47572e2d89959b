#include "server/dashboard/dashboard.hpp"

#include <algorithm>
#include <charconv>

#include "common/error.hpp"
#include "server/dashboard/pages.hpp"
#include "server/dashboard/run_stream.hpp"
#include "server/dashboard/wire.hpp"
#include "server/domain/run/fold.hpp"
#include "server/http/token_file.hpp"
#include "server/orchestrator/log_reader.hpp"

namespace fanout::dashboard {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using async::awaitable;
using http::Incoming;
using http::Response;

namespace {

constexpr std::size_t kListed = 50;
constexpr std::uint64_t kTail = 256 << 10;  // bytes of a log that are shown first

/// The page loads its own files and asks its own server; nothing else, and nothing written into it.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

Response asset(std::string_view name, const char* type) {
  auto response = http::text_response(200, std::string(page(name)), type);
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  return response;
}

Response json_response(std::string text) { return http::text_response(200, std::move(text), "application/json"); }

std::uint64_t number_in(const Incoming& request, const char* name, std::uint64_t otherwise) {
  const auto text = request.parameter(name);
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? number : otherwise;
}

struct Piece {
  std::string text;
  std::uint64_t begin = 0, end = 0;  // in the file
};

/// Whole lines from `from` on; the last one without its end only where `whole` says that nothing follows. BLOCKS.
Piece piece_of(const fs::path& file, std::optional<std::uint64_t> from, bool whole, const Redactor& redactor) {
  const auto size = static_cast<std::uint64_t>(fs::file_size(file));
  Piece piece;
  piece.begin = std::min(from.value_or(size - std::min(size, kTail)), size);
  std::string bytes;
  while (bytes.size() < kTail) {
    const auto more = orchestrator::read_log(file, piece.begin + bytes.size());
    if (more.empty()) break;
    bytes += more;
  }
  const auto line_end = bytes.rfind('\n');
  if (!whole && line_end != std::string::npos) bytes.resize(line_end + 1);
  if (!whole && line_end == std::string::npos && bytes.size() < kTail) bytes.clear();
  piece.end = piece.begin + bytes.size();
  StreamRedactor clean;
  const auto begin = clean.add(redactor, bytes);
  piece.text = neutral(begin + clean.finish(redactor));
  return piece;
}

}  // namespace

Dashboard::Dashboard(orchestrator::Orchestrator& runs, subagent::Services& services)
    : runs_(runs), services_(services), opened_(services.executor) {}

Dashboard::~Dashboard() = default;

std::string Dashboard::open(const std::string& run_id, bool allow_actions) {
  if (!server_) {
    read_token_ = http::random_token();
    act_token_ = http::random_token();
    server_ = std::make_unique<http::Server>(services_.executor, http::ServerOptions{});
    add_routes();
    opened_.notify();
  }
  const auto url = "http://" + server_->address() + "/?token=" + (allow_actions ? act_token_ : read_token_);
  return run_id.empty() ? url : url + "&run=" + run_id;
}

awaitable<void> Dashboard::run() {
  while (!server_) co_await opened_.wait();
  co_await server_->run();
}

void Dashboard::add_routes() {
  using Door = http::Server::Door;
  // Neither tells anything of this daemon.
  server_->route("GET", "/page.css", Door::page, [](Incoming) -> awaitable<Response> { co_return asset("page.css", "text/css; charset=utf-8"); });
  server_->route("GET", "/page.js", Door::page, [](Incoming) -> awaitable<Response> { co_return asset("page.js", "text/javascript; charset=utf-8"); });
  server_->route("GET", "/icon.svg", Door::page, [](Incoming) -> awaitable<Response> { co_return asset("icon.svg", "image/svg+xml"); });
  const auto add = [this](const char* method, const char* path, Handler handler, Right needed = Right::read) {
    server_->route(method, path, Door::page,
                   [this, handler, needed](Incoming request) { return guarded(handler, needed, std::move(request)); });
  };
  add("GET", "/", &Dashboard::page);
  add("GET", "/api/runs", &Dashboard::list);
  add("GET", "/api/timeline", &Dashboard::timeline);
  add("GET", "/api/log", &Dashboard::log);
  add("POST", "/api/cancel", &Dashboard::cancel, Right::act);
  add("POST", "/api/retry", &Dashboard::retry, Right::act);
  server_->stream("/api/events", Door::page,
                  [this](Incoming request, http::Server::Stream& stream) { return follow(std::move(request), stream); });
}

Dashboard::Right Dashboard::right_of(const Incoming& request) const {
  const auto token = request.parameter("token");
  if (http::same_secret(token, act_token_)) return Right::act;
  return http::same_secret(token, read_token_) ? Right::read : Right::none;
}

/// Why it may not; empty: it may.
std::string Dashboard::refusal(const Incoming& request, Right needed) const {
  const auto has = right_of(request);
  if (has == Right::none) return "this is not the page's address, or no longer: fanout dashboard tells it\n";
  if (needed != Right::act) return {};
  // The server has seen that an Origin, if any, is ours; a request to act must come from a page.
  if (has == Right::act && !request.header("Origin").empty()) return {};
  return "this page only shows: fanout dashboard --allow-actions opens one that may act\n";
}

awaitable<Response> Dashboard::guarded(Handler handler, Right needed, Incoming request) {
  auto refused = refusal(request, needed);
  if (!refused.empty()) co_return http::text_response(403, std::move(refused));
  co_return co_await (this->*handler)(std::move(request));
}

/// Of what no other route is for, too.
awaitable<Response> Dashboard::page(Incoming request) {
  if (request.path != "/") throw Error(ErrorKind::not_found, "nothing here");
  co_return asset("page.html", "text/html; charset=utf-8");
}

awaitable<Response> Dashboard::list(Incoming request) {
  const auto runs = co_await runs_.list(kListed, false);
  auto text = runs_json(runs);
  text.insert(1, right_of(request) == Right::act ? "\"actions\":true," : "\"actions\":false,");
  co_return json_response(std::move(text));
}

awaitable<Response> Dashboard::timeline(Incoming request) {
  const auto id = co_await runs_.find(request.parameter("run"));
  const auto run = co_await runs_.get(id);
  co_return json_response(timeline_json(run));
}

/// "text/plain", and in headers where it ends in the log and whether more stands before it.
awaitable<Response> Dashboard::log(Incoming request) {
  const auto id = co_await runs_.find(request.parameter("run"));
  const auto run = co_await runs_.get(id);
  const auto task = request.parameter("task");
  const auto* agent = domain::find_subagent(run, task);
  const bool ended = agent && domain::is_end(agent->phase());
  std::optional<std::uint64_t> from;
  if (!request.parameter("offset").empty()) from = number_in(request, "offset", 0);
  const auto attempt = static_cast<unsigned>(number_in(request, "attempt", 0));
  const auto name = request.parameter("log");
  auto piece = co_await services_.files.run([&](std::stop_token) {
    return piece_of(orchestrator::find_log(services_.runs_directory, run, task, attempt, name), from, ended, services_.redactor);
  });
  auto response = http::text_response(200, std::move(piece.text));
  response.headers.emplace_back("X-Begin", std::to_string(piece.begin));
  response.headers.emplace_back("X-End", std::to_string(piece.end));
  co_return response;
}

awaitable<Response> Dashboard::cancel(Incoming request) {
  const auto id = co_await runs_.find(request.parameter("run"));
  co_await runs_.cancel(id, request.parameter("task"));
  co_return json_response("{}");
}

awaitable<Response> Dashboard::retry(Incoming request) {
  const auto id = co_await runs_.find(request.parameter("run"));
  co_await runs_.retry(id, request.parameter("task"), orchestrator::RetryOptions{});
  co_return json_response("{}");
}

awaitable<void> Dashboard::follow(Incoming request, http::Server::Stream& stream) {
  auto refused = http::text_response(403, refusal(request, Right::read));
  if (!refused.body.empty()) co_return co_await stream.begin(std::move(refused));
  const auto id = co_await runs_.find(request.parameter("run"));
  // A browser that lost the connection says where it was.
  std::uint64_t after = number_in(request, "after", 0);
  const auto last = request.header("Last-Event-ID");
  std::from_chars(last.data(), last.data() + last.size(), after);
  co_await stream_run(runs_, services_, id, after, stream);
}

}  // namespace fanout::dashboard
