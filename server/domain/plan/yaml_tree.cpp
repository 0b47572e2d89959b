#include <yaml-cpp/yaml.h>

#include <optional>

#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

namespace {

/// The file is larger or deeper than any plan: thrown out of the walk, told as one fault.
struct TooLarge {
  Place place;
};

class Walk {
 public:
  Walk(const std::string& file, unsigned first_line, Diagnostics& diagnostics)
      : file_(file), first_line_(first_line), diagnostics_(diagnostics) {}

  Value value(const YAML::Node& node, int depth = 0) {
    Value result;
    result.place = place(node.Mark());
    if (++nodes_ > kMaxNodes || depth > kMaxDepth) throw TooLarge{result.place};
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        result.kind = Value::Kind::scalar;
        result.text = node.Scalar();
        break;
      case YAML::NodeType::Sequence:
        result.kind = Value::Kind::list;
        for (const auto& item : node) result.items.push_back(value(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        result.kind = Value::Kind::map;
        for (const auto& entry : node) add_member(result, entry.first, entry.second, depth);
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return result;
  }

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 0, 0};
    return {file_, first_line_ + static_cast<unsigned>(mark.line), static_cast<unsigned>(mark.column) + 1};
  }

 private:
  void add_member(Value& map, const YAML::Node& key, const YAML::Node& node, int depth) {
    const auto at = place(key.Mark());
    if (!key.IsScalar()) {
      add_error(diagnostics_, at, "", "a key must be a plain word");
      return;
    }
    if (const auto* earlier = map.find(key.Scalar())) {
      add_error(diagnostics_, at, key.Scalar(),
                "\"" + printable(key.Scalar()) + "\" is written twice (first in line " +
                    std::to_string(earlier->place.line) + "): keep one");
      return;
    }
    map.members.push_back({key.Scalar(), at, value(node, depth + 1)});
  }

  const std::string& file_;
  unsigned first_line_;
  Diagnostics& diagnostics_;
  int nodes_ = 0;
};

/// yaml-cpp's words, without its own "yaml-cpp: error at line…".
std::string in_words(const YAML::Exception& error) {
  return "this is not valid YAML: " + printable(error.msg);
}

}  // namespace

Value parse_yaml(const std::string& text, const std::string& file, unsigned first_line, Diagnostics& diagnostics) {
  Walk walk(file, first_line, diagnostics);
  try {
    return walk.value(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    add_error(diagnostics, walk.place(error.mark), "", in_words(error));
  } catch (const TooLarge& large) {
    add_error(diagnostics, large.place, "", "this file nests too deep or holds too much for a plan");
  } catch (const std::exception& error) {
    add_error(diagnostics, {file, 0, 0}, "", std::string("this is not valid YAML: ") + error.what());
  }
  return {};
}

}  // namespace fanout::domain
