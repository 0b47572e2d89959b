// YAML into our tree, from the parser's events: yaml-cpp's own tree would be built before it could be
// bounded.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

namespace {

constexpr const char* kTooLarge = "this file nests too deep or holds too much for a plan";

/// The scanner keeps all of a flow collection before it tells anything of it, so these are counted first.
constexpr std::size_t kMaxFlowMarks = 2 * kMaxNodes;

/// Thrown out of the parser to end it at once; told as the one fault.
struct Refused {
  Place place;
  std::string message;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(const std::string& file, unsigned first_line, Diagnostics& diagnostics)
      : file_(file), first_line_(first_line), diagnostics_(diagnostics) {}

  Value take() { return std::move(root_); }
  /// Where the last scalar begins.
  const YAML::Mark& last() const { return last_; }

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 0, 0};
    return {file_, first_line_ + static_cast<unsigned>(mark.line), static_cast<unsigned>(mark.column) + 1};
  }

  void OnDocumentStart(const YAML::Mark&) override { anchored_.clear(); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(leaf(Value::Kind::null, "", mark), anchor, false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (text.find('\0') != std::string::npos) throw Refused{place(mark), "a NUL character is not allowed"};
    last_ = mark;
    add(leaf(Value::Kind::scalar, text, mark), anchor, tag == "?");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw Refused{place(mark), "an alias cannot stand inside what it names"};
    charge(found->second, open_.size());
    auto copy = found->second;
    copy.place = place(mark);
    add(std::move(copy), 0, false);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::Kind::list, mark, anchor);
  }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::Kind::map, mark, anchor);
  }

  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet.
  struct Open {
    Value value;
    YAML::anchor_t anchor;
    bool has_key = false;
    bool merges = false;  ///< The key is "<<", which takes another map's members in.
    Value key;
    std::set<std::string> keys;
    std::vector<Value> merged;
  };

  Value leaf(Value::Kind kind, const std::string& text, const YAML::Mark& mark) {
    Value value;
    value.kind = kind;
    value.text = text;
    value.place = place(mark);
    charge(value, open_.size());
    return value;
  }

  void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    refuse_second_document(place(mark));
    Open opened;
    opened.value = leaf(kind, "", mark);
    opened.anchor = anchor;
    open_.push_back(std::move(opened));
  }

  void close() {
    auto closed = std::move(open_.back());
    open_.pop_back();
    for (auto& map : closed.merged) merge(map, closed);
    add(std::move(closed.value), closed.anchor, false);
  }

  void add(Value value, YAML::anchor_t anchor, bool plain) {
    if (anchor != 0) {
      charge(value, open_.size());
      anchored_[anchor] = value;
    }
    if (open_.empty()) {
      if (value.kind != Value::Kind::null) refuse_second_document(value.place);
      if (root_.kind == Value::Kind::null) root_ = std::move(value);
    } else if (auto& into = open_.back(); into.value.kind == Value::Kind::list) {
      into.value.items.push_back(std::move(value));
    } else if (!into.has_key) {
      into.has_key = true;
      into.merges = plain && value.text == "<<";
      into.key = std::move(value);
    } else {
      into.has_key = false;
      add_member(into, std::move(value));
    }
  }

  void add_member(Open& map, Value value) {
    const auto& key = map.key;
    if (map.merges) {
      take_merged(map, std::move(value));
    } else if (key.kind != Value::Kind::scalar) {
      add_error(diagnostics_, key.place, "", "a key must be a plain word");
    } else if (!map.keys.insert(key.text).second) {
      const auto name = printable(key.text);
      add_error(diagnostics_, key.place, name,
                "\"" + name + "\" is written twice (first in line " +
                    std::to_string(map.value.find(key.text)->place.line) + "): keep one");
    } else {
      map.value.members.push_back({key.text, key.place, std::move(value)});
    }
  }

  void take_merged(Open& map, Value value) {
    auto sources = value.kind == Value::Kind::list ? std::move(value.items) : std::vector{std::move(value)};
    for (auto& source : sources) {
      if (source.kind == Value::Kind::map) {
        map.merged.push_back(std::move(source));
      } else {
        add_error(diagnostics_, source.place, "<<", "<< must name a map, or a list of maps");
      }
    }
  }

  /// What the map says itself counts more than what it takes in.
  static void merge(Value& source, Open& into) {
    for (auto& member : source.members) {
      if (into.keys.insert(member.key).second) into.value.members.push_back(std::move(member));
    }
  }

  void refuse_second_document(const Place& at) const {
    if (open_.empty() && root_.kind != Value::Kind::null) {
      throw Refused{at, "a second YAML document begins here: keep to one in a file"};
    }
  }

  void charge(const Value& value, std::size_t depth) {
    text_bytes_ += value.text.size();
    if (++nodes_ > kMaxNodes || text_bytes_ > kMaxTextBytes || depth > kMaxDepth) {
      throw Refused{value.place, kTooLarge};
    }
    for (const auto& item : value.items) charge(item, depth + 1);
    for (const auto& member : value.members) {
      text_bytes_ += member.key.size();
      charge(member.value, depth + 1);
    }
  }

  const std::string& file_;
  const unsigned first_line_;
  Diagnostics& diagnostics_;
  Value root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchored_;
  YAML::Mark last_ = YAML::Mark::null_mark();
  std::size_t nodes_ = 0;
  std::size_t text_bytes_ = 0;
};

/// Where the text has more brackets and commas than any plan; its size when it has not.
std::size_t end_of_patience(std::string_view text) {
  std::size_t marks = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((text[at] == '[' || text[at] == '{' || text[at] == ',') && ++marks > kMaxFlowMarks) return at;
  }
  return text.size();
}

/// Whether the quote at the beginning of `text` is closed somewhere.
bool is_closed(std::string_view text) {
  const char quote = text.front();
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) return true;
    if (quote == '"' && text[at] == '\\') ++at;
  }
  return false;
}

/// yaml-cpp takes the end of the file for a closing quote when a line end stands before it.
void check_last_quote(std::string_view text, const Builder& builder) {
  const auto& mark = builder.last();
  if (mark.is_null() || static_cast<std::size_t>(mark.pos) >= text.size()) return;
  const auto rest = text.substr(static_cast<std::size_t>(mark.pos));
  if ((rest.front() == '"' || rest.front() == '\'') && !is_closed(rest)) {
    throw Refused{builder.place(mark), "this is not valid YAML: the quote that opens here is never closed"};
  }
}

void parse(std::string_view text, Builder& builder) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::istringstream in{std::string(text)};
  YAML::Parser parser(in);
  while (parser.HandleNextDocument(builder)) {
  }
  check_last_quote(text, builder);
}

}  // namespace

Value parse_yaml(const std::string& text, const std::string& file, unsigned first_line,
                 Diagnostics& diagnostics) {
  if (!check_utf8(text, file, first_line, diagnostics)) return {};
  if (const auto end = end_of_patience(text); end < text.size()) {
    add_error(diagnostics, place_at(text, end, file, first_line), "", kTooLarge);
    return {};
  }
  Builder builder(file, first_line, diagnostics);
  try {
    parse(text, builder);
    return builder.take();
  } catch (const Refused& refused) {
    add_error(diagnostics, refused.place, "", refused.message);
  } catch (const YAML::Exception& error) {
    // Its message without its own "yaml-cpp: error at line…".
    add_error(diagnostics, builder.place(error.mark), "", "this is not valid YAML: " + printable(error.msg));
  } catch (const std::exception& error) {
    add_error(diagnostics, {file, 0, 0}, "", std::string("this is not valid YAML: ") + error.what());
  }
  return {};
}

}  // namespace fanout::domain
