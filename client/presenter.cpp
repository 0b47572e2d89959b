#include "client/presenter.hpp"

#include "client/render/canvas.hpp"
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
// A screen beside the usual one: what was there comes back when it is left.
constexpr std::string_view kEnterOther = "\x1b[?1049h\x1b[H\x1b[2J";
constexpr std::string_view kLeaveOther = "\x1b[?1049l";

class LivePresenter final : public Presenter {
 public:
  explicit LivePresenter(Session& session) : out_(session.out()) {}
  ~LivePresenter() override { leave(); }

  void on_event(const v1::Run&, const v1::Event& event) override {
    if (!event.has_notice() || event.notice().severity() != v1::Notice::SEVERITY_WARNING) return;
    remark((event.task_id().empty() ? "" : event.task_id() + ": ") + event.notice().text());
  }

  void refresh(const v1::Run& run, Browse& browse, const std::string& surroundings) override {
    if (!std::exchange(drawing_, true)) out_.write(kHideCursor);
    const auto size = out_.size();
    if (auto* log = browse.log()) return draw_log(*log, browse.below(), size);
    leave_log();
    const View view{size.columns,      size.rows,      now(), out_.style(), true, browse.selected(),
                    browse.below(), surroundings};
    out_.write(canvas_.draw(frame(run, view), size.columns));
  }

  /// Stands above the view from now on; while a log is open, once that is closed.
  void remark(const std::string& text) override {
    if (reading_) return unsaid_.push_back(text);
    out_.write(canvas_.erase(out_.size().columns));
    say(text);
  }

  void leave() override {
    leave_log();
    if (!std::exchange(drawing_, false)) return;
    canvas_.forget();
    out_.write(std::string("\r\x1b[K") + std::string(kShowCursor));  // over the ^C that the terminal shows
  }

  void end(const v1::Run& run) override {
    leave_log();
    if (drawing_) out_.write(canvas_.erase(out_.size().columns));
    leave();
    std::string text;
    for (const auto& line : summary(run, now(), out_.style(), out_.size().columns)) text += line + "\n";
    out_.write(text);
  }

 private:
  void draw_log(LogView& log, const std::string& below, Terminal::Size size) {
    if (!std::exchange(reading_, true)) out_.write(kEnterOther);
    log.resize(size.columns, size.rows);
    out_.write(log_canvas_.draw(log.lines(out_.style(), below), size.columns));
  }

  void leave_log() {
    if (!std::exchange(reading_, false)) return;
    log_canvas_.forget();
    out_.write(kLeaveOther);
    for (const auto& text : std::exchange(unsaid_, {})) remark(text);
  }

  Terminal& out_;
  Canvas canvas_;
  Canvas log_canvas_;
  std::vector<std::string> unsaid_;
  bool drawing_ = false;
  bool reading_ = false;  // the other screen is shown
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
