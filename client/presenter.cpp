#include "client/presenter.hpp"

#include "client/render/json.hpp"
#include "client/render/live.hpp"
#include "client/render/plain.hpp"
#include "client/render/summary.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

Time now() { return std::chrono::system_clock::now(); }

class JsonPresenter final : public Presenter {
 public:
  explicit JsonPresenter(Session& session) : session_(session) {}

  void on_event(const v1::Run&, const v1::Event& event) override { session_.print_json(event); }
  void remark(const std::string& text) override { say(text); }
  void end(const v1::Run&) override {}

 private:
  Session& session_;
};

class PlainPresenter final : public Presenter {
 public:
  PlainPresenter(Session& session, const v1::Run& run, bool verbose)
      : session_(session), lines_(run, {session.out().style(), verbose}) {}

  void on_event(const v1::Run&, const v1::Event& event) override { session_.print(lines_.lines(event)); }
  void remark(const std::string& text) override { say(text); }
  void end(const v1::Run& run) override {
    session_.out().line("");
    session_.print(summary(run, now(), session_.out().style(), session_.out().columns()));
  }

 private:
  Session& session_;
  PlainLines lines_;
};

constexpr std::string_view kHideCursor = "\x1b[?25l";
constexpr std::string_view kShowCursor = "\x1b[?25h";

class LivePresenter final : public Presenter {
 public:
  explicit LivePresenter(Session& session) : out_(session.out()) {}
  ~LivePresenter() override { leave(); }

  void on_event(const v1::Run&, const v1::Event& event) override {
    if (!event.has_notice() || event.notice().severity() != v1::Notice::SEVERITY_WARNING) return;
    remark((event.task_id().empty() ? "" : event.task_id() + ": ") + event.notice().text());
  }

  void refresh(const v1::Run& run) override {
    const auto size = out_.size();
    auto lines = frame(run, {size.columns, size.rows, now(), out_.style()});
    out_.write(std::string(drawing_ ? "" : kHideCursor) + canvas_.draw(std::move(lines), size.columns));
    drawing_ = true;
  }

  /// Stands above the view from now on.
  void remark(const std::string& text) override {
    out_.write(canvas_.erase(out_.size().columns));
    say(text);
  }

  void leave() override {
    if (!std::exchange(drawing_, false)) return;
    canvas_.forget();
    out_.write(std::string("\r\x1b[K") + std::string(kShowCursor));  // over the ^C that the terminal shows
  }

  void end(const v1::Run& run) override {
    if (drawing_) out_.write(canvas_.erase(out_.size().columns));
    leave();
    std::string text;
    for (const auto& line : summary(run, now(), out_.style(), out_.size().columns)) text += line + "\n";
    out_.write(text);
  }

 private:
  Terminal& out_;
  Canvas canvas_;
  bool drawing_ = false;
};

}  // namespace

bool is_drawn(Session& session, bool verbose) {
  return session.out().can_draw() && !session.json() && !verbose;
}

std::unique_ptr<Presenter> make_presenter(Session& session, const v1::Run& run, bool verbose) {
  if (session.json()) return std::make_unique<JsonPresenter>(session);
  if (is_drawn(session, verbose)) return std::make_unique<LivePresenter>(session);
  return std::make_unique<PlainPresenter>(session, run, verbose);
}

}  // namespace fanout::client
