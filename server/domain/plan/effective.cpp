#include "server/domain/plan/effective.hpp"

#include <algorithm>
#include <cctype>

#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/resolve.hpp"

namespace fanout::domain {

namespace {

/// What one file has in some place.
struct Written {
  Layer layer;
  const Value* value;
};
using AllWritten = std::vector<Written>;  // in falling precedence

/// A value inside another one: quoted where it would read as something else.
std::string quoted_if_needed(const std::string& text) {
  const bool plain = !text.empty() && trimmed(text).size() == text.size() && text.find_first_of("\"'[]{},:#\n") == text.npos;
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return quoted + "\"";
}

std::string shown(const Value& value, bool inside = false) {
  std::vector<std::string> parts;
  switch (value.kind) {
    case Value::Kind::null: return "";
    case Value::Kind::scalar: return inside ? quoted_if_needed(value.text) : value.text;
    case Value::Kind::list:
      for (const auto& item : value.items) parts.push_back(shown(item, true));
      return "[" + join(parts, ", ") + "]";
    case Value::Kind::map:
      for (const auto& member : value.members) parts.push_back(member.key + ": " + shown(member.value, true));
      return "{" + join(parts, ", ") + "}";
  }
  return "";
}

/// A name as TOML has it in a path of keys.
std::string as_key(const std::string& name) {
  const auto is_bare = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), is_bare);
  return bare ? name : "\"" + name + "\"";
}

std::string below(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

AllWritten written_in(const AllWritten& tables, const std::string& key) {
  AllWritten found;
  for (const auto& table : tables) {
    const auto* member = table.value->find(key);
    if (member && member->value.kind != Value::Kind::null) found.push_back({table.layer, &member->value});
  }
  return found;
}

/// Follows the list of keys through all files at once.
class Walk {
 public:
  Walk(const std::vector<ConfigKey>& keys, std::vector<EffectiveValue>& out) : keys_(keys), out_(out) {}

  void top(const AllWritten& files) { table("", "", files, false); }

 private:
  /// `path` as in the list of keys, `name` as it is shown. `named`: it belongs to something with a name.
  void table(const std::string& path, const std::string& name, const AllWritten& tables, bool named) {
    const auto children = children_of(path, keys_);
    for (const auto& child : children) {
      if (child == "*") {
        names(path, name, tables, children, named);
      } else {
        entry(below(path, child), below(name, child), written_in(tables, child), named);
      }
    }
  }

  void names(const std::string& path, const std::string& name, const AllWritten& tables,
             const std::vector<std::string>& others, bool named) {
    std::vector<std::string> found;
    for (const auto& table : tables) {
      for (const auto& member : table.value->members) {
        const auto known = [&](const auto& all) { return std::find(all.begin(), all.end(), member.key) != all.end(); };
        if (!known(others) && !known(found)) found.push_back(member.key);
      }
    }
    std::sort(found.begin(), found.end());
    for (const auto& one : found) entry(path + ".*", below(name, as_key(one)), written_in(tables, one), true);
    if (found.empty() && !named) fall_back(path + ".*", name);
  }

  void entry(const std::string& path, const std::string& name, AllWritten written, bool named) {
    if (!children_of(path, keys_).empty()) {
      std::erase_if(written, [](const Written& one) { return one.value->kind != Value::Kind::map; });
      return table(path, name, written, named);
    }
    if ((path.ends_with("rules") || path == "pass_env") && !written.empty()) return rules(name, written);
    if (!written.empty()) return add(name, written.front(), path.ends_with("env.*"));
    if (!named) fall_back(path, name);
  }

  /// Those of all files count.
  void rules(const std::string& name, const AllWritten& written) {
    std::size_t number = 0;
    for (const auto& list : written) {
      for (const auto& rule : list.value->items) add(name + "[" + std::to_string(number++) + "]", {list.layer, &rule}, false);
    }
    if (number == 0) add(name, written.front(), false);
  }

  void add(const std::string& name, const Written& written, bool secret) {
    out_.push_back({name, secret ? "set" : shown(*written.value), secret, written.layer, written.value->place});
  }

  void fall_back(const std::string& path, const std::string& name) {
    const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const auto& one) { return one.name == path; });
    if (key != keys_.end() && key->kind != ConfigKey::Fallback::none) out_.push_back({name, key->fallback, false, {}, {}});
  }

  const std::vector<ConfigKey>& keys_;
  std::vector<EffectiveValue>& out_;
};

Member member_like(const Member& like, const std::string& key, Value value) { return {key, like.place, std::move(value)}; }

/// "tracker: NAME" is "tracker: {name: NAME}".
Member with_tracker_table(const Member& tracker) {
  Value table;
  table.kind = Value::Kind::map;
  table.place = tracker.value.place;
  table.members.push_back(member_like(tracker, "name", tracker.value));
  return member_like(tracker, "tracker", std::move(table));
}

/// The agent and those that take over from it go together, however they are written.
void add_agents(const Value& file, Value& out) {
  const auto* agent = file.find("agent");
  const auto* agents = file.find("agents");
  const auto is_list = [](const Member* member) { return member && member->value.kind == Value::Kind::list; };
  const auto* several = is_list(agent) ? agent : is_list(agents) ? agents : nullptr;
  if (several && !several->value.items.empty()) {
    out.members.push_back(member_like(*several, "agent", several->value.items.front()));
    out.members.push_back(member_like(*several, "agents", several->value));
  } else if (agent && agent->value.kind == Value::Kind::scalar) {
    out.members.push_back(*agent);
    Value alone;
    alone.kind = Value::Kind::list;
    alone.place = agent->value.place;
    alone.items.push_back(agent->value);
    out.members.push_back(member_like(*agent, "agents", std::move(alone)));
  }
}

/// The keys that all files share, each written in the same way.
Value shared_part(const Value& file) {
  Value out;
  out.kind = Value::Kind::map;
  out.place = file.place;
  add_agents(file, out);
  for (const auto& key : children_of("", shared_config_keys())) {
    const auto* member = file.find(key);
    if (!member || key == "agent" || key == "agents") continue;
    const bool named = key == "tracker" && member->value.kind == Value::Kind::scalar;
    out.members.push_back(named ? with_tracker_table(*member) : *member);
  }
  return out;
}

/// What is not fixed, but follows from something else.
void settle(std::vector<EffectiveValue>& values, unsigned cores) {
  const auto find = [&](const char* key) {
    return std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.key == key; });
  };
  if (const auto most = find("max_parallel"); most->layer == Layer::fallback) most->value = std::to_string(usual_parallel(cores));
  if (const auto push = find("push"); push->layer == Layer::fallback) push->value = find("tracker.name")->value == "none" ? "false" : "true";
}

}  // namespace

std::vector<EffectiveValue> effective_settings(const SettingsFiles& files) {
  std::vector<EffectiveValue> values;
  const auto plan = shared_part(files.plan), repository = shared_part(files.repository), user = shared_part(files.user);
  Walk(shared_config_keys(), values).top({{Layer::plan, &plan}, {Layer::repository, &repository}, {Layer::user, &user}});
  settle(values, files.cores);
  Walk(user_config_keys(), values).top({{Layer::user, &files.user}});
  return values;
}

}  // namespace fanout::domain
