#include "server/git/checkout_plan.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/git/attributes.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostFiles = 2'000'000;
constexpr std::size_t kLongestPath = 4095;

bool is_file(std::uint32_t mode) { return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE; }

/// Lists a tree with all its folders.
class TreeReader {
 public:
  TreeReader(const Repository& bare, const PathProtection& protection, CheckoutPlan& plan)
      : bare_(bare), protection_(protection), plan_(plan) {}

  void read(const Tree& root) {
    read_folder(root, "", "");
    const auto in_order = [](const PlannedFile& one, const PlannedFile& next) { return one.path < next.path; };
    const auto& files = plan_.files;
    if (std::adjacent_find(files.begin(), files.end(), [&](const auto& a, const auto& b) { return !in_order(a, b); }) != files.end()) {
      leave("its tree has names twice or out of order");
    }
    plan_.cache_tree = std::move(nodes_);
  }

 private:
  void leave(const char* why) { plan_.left_to_git = why; }

  /// A folder's own line in the cache tree comes before those below it, but counts them.
  void read_folder(const Tree& tree, const std::string& name, const std::string& prefix) {
    const std::size_t before = plan_.files.size();
    std::string outer = std::move(nodes_);
    nodes_.clear();
    std::size_t folders = 0;
    const std::size_t count = git_tree_entrycount(tree.get());
    for (std::size_t i = 0; i < count; ++i) {
      if (read_entry(*git_tree_entry_byindex(tree.get(), i), prefix)) ++folders;
    }
    if (plan_.files.size() == before && !prefix.empty()) leave("its tree has an empty folder");
    const auto* id = reinterpret_cast<const char*>(git_tree_id(tree.get())->id);
    outer.append(name).append(1, '\0');
    outer.append(std::to_string(plan_.files.size() - before) + " " + std::to_string(folders) + "\n");
    outer.append(id, GIT_OID_RAWSZ).append(nodes_);
    nodes_ = std::move(outer);
  }

  /// Whether it is a folder.
  bool read_entry(const git_tree_entry& entry, const std::string& prefix) {
    const std::string name = git_tree_entry_name(&entry);
    const auto mode = static_cast<std::uint32_t>(git_tree_entry_filemode(&entry));
    std::string path = prefix + name;
    if (!is_safe_name(name, mode == GIT_FILEMODE_LINK, protection_)) refuse(path, "git refuses such a name");
    if (path.size() > kLongestPath) refuse(path.substr(0, 80) + "…", "it is too long");
    if (mode != GIT_FILEMODE_TREE) {
      if (plan_.files.size() == kMostFiles) throw Error(ErrorKind::precondition, "the commit has more than two million files");
      plan_.files.push_back({std::move(path), mode, *git_tree_entry_id(&entry), {}, {}});
      return false;
    }
    Tree below;
    check(git_tree_lookup(below.out(), bare_.get(), git_tree_entry_id(&entry)), "read the folder " + path);
    path += '/';
    plan_.depth = std::max(plan_.depth, static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
    read_folder(below, name, path);
    return true;
  }

  [[noreturn]] static void refuse(const std::string& path, const std::string& why) {
    throw Error(ErrorKind::precondition, "the commit has a file \"" + printable(path) + "\" that must not be written: " + why);
  }

  const Repository& bare_;
  PathProtection protection_;
  CheckoutPlan& plan_;
  std::string nodes_;
};

enum Wanted { kText, kCrlf, kEol, kIdent, kFilter, kEncoding };
constexpr std::array<std::string_view, 6> kWanted = {"text", "crlf", "eol", "ident", "filter", "working-tree-encoding"};

using Values = std::vector<AttributeValue>;
using Kind = AttributeValue::Kind;

std::string blob_text(const Repository& bare, const git_oid& id) {
  Blob blob;
  if (git_blob_lookup(blob.out(), bare.get(), &id) != 0) return "";
  return {static_cast<const char*>(git_blob_rawcontent(blob.get())), static_cast<std::size_t>(git_blob_rawsize(blob.get()))};
}

/// The rules come from the commit, since a new checkout has no file yet.
Attributes attributes_of(const Repository& bare, const CheckoutPlan& plan, const CheckoutSettings& settings) {
  constexpr std::string_view kName = ".gitattributes";
  Attributes attributes(kWanted);
  const auto outside = attributes_outside(bare, settings);
  attributes.add_general(outside[0]);
  attributes.add_general(outside[1]);
  for (const auto& file : plan.files) {
    const std::string_view path = file.path;
    if (!path.ends_with(kName) || (path.size() > kName.size() && path[path.size() - kName.size() - 1] != '/')) continue;
    const auto folder = path.size() == kName.size() ? "" : path.substr(0, path.size() - kName.size() - 1);
    attributes.add_folder(std::string(folder), blob_text(bare, file.id));
  }
  attributes.add_final(outside[2]);
  return attributes;
}

/// What the attributes text and crlf come to.
enum class Text { unspecified, yes, no, automatic, unix_only };

Text text_setting(const AttributeValue& value) {
  if (value.kind == Kind::set) return Text::yes;
  if (value.kind == Kind::unset) return Text::no;
  if (value.is("auto")) return Text::automatic;
  return value.is("input") ? Text::unix_only : Text::unspecified;
}

PlannedFile::LineEnds line_ends_of(const Values& values, const CheckoutSettings& settings) {
  using LineEnds = PlannedFile::LineEnds;
  Text text = text_setting(values[kText]);
  if (text == Text::unspecified) text = text_setting(values[kCrlf]);
  if (text == Text::no) return LineEnds::as_stored;
  const bool automatic = text == Text::automatic;
  if (values[kEol].is("lf")) return LineEnds::as_stored;
  if (values[kEol].is("crlf")) return automatic ? LineEnds::windows_if_text : LineEnds::windows;
  if (text == Text::unix_only) return LineEnds::as_stored;
  if (text == Text::unspecified) {
    const bool on = settings.auto_crlf == CheckoutSettings::AutoCrlf::on;
    return on ? LineEnds::windows_if_text : LineEnds::as_stored;
  }
  if (!settings.windows_line_ends) return LineEnds::as_stored;
  return automatic ? LineEnds::windows_if_text : LineEnds::windows;
}

/// Whether git has to see all of a file before it can say how its lines end.
IdentSearch ident_search_of(const Values& values, const CheckoutSettings& settings) {
  Text text = text_setting(values[kText]);
  if (text == Text::unspecified) text = text_setting(values[kCrlf]);
  const bool unix_ends = values[kEol].is("lf"), windows_ends = values[kEol].is("crlf");
  const bool by_setting = text == Text::unspecified && !windows_ends && settings.auto_crlf == CheckoutSettings::AutoCrlf::on;
  const bool depends = !unix_ends && (text == Text::automatic || by_setting);
  return depends ? IdentSearch::whole : IdentSearch::passing;
}

/// Why these attributes are beyond us; empty: they are not.
std::string reason_to_leave_it(const Values& values, const CheckoutSettings& settings, const std::string& path) {
  const auto& filter = values[kFilter];
  if (filter.kind == Kind::text && settings.filters.contains(filter.text)) {
    return "the filter \"" + printable(filter.text) + "\" of " + printable(path) + " is a program";
  }
  const auto& encoding = values[kEncoding];
  if (encoding.kind == Kind::unspecified || encoding.is("") || encoding.is("UTF-8")) return "";
  return printable(path) + " is to have another encoding in the worktree than in the repository";
}

void apply_attributes(const Attributes& attributes, const CheckoutSettings& settings, CheckoutPlan& plan) {
  for (auto& file : plan.files) {
    if (!is_file(file.mode)) continue;
    const auto values = attributes.of(file.path);
    if (auto reason = reason_to_leave_it(values, settings, file.path); !reason.empty()) {
      plan.left_to_git = std::move(reason);
      return;
    }
    if (values[kIdent].kind == Kind::set) file.ident = ident_search_of(values, settings);
    file.line_ends = line_ends_of(values, settings);
  }
}

}  // namespace

CheckoutPlan plan_checkout(const Repository& bare, const std::string& tree) {
  const git_oid id = parse_id(tree);
  Tree root;
  check(git_tree_lookup(root.out(), bare.get(), &id), "read the tree " + tree);
  const CheckoutSettings settings = read_checkout_settings(bare);
  CheckoutPlan plan;
  plan.symlinks = settings.symlinks;
  TreeReader(bare, settings.protection, plan).read(root);
  if (plan.left_to_git.empty()) plan.left_to_git = settings.left_to_git;
  if (plan.left_to_git.empty()) apply_attributes(attributes_of(bare, plan, settings), settings, plan);
  return plan;
}

std::optional<std::string> converted(const PlannedFile& file, std::string_view blob) {
  std::optional<std::string> content;
  if (file.ident) content = with_ident(blob, text_of(file.id), *file.ident);
  if (file.line_ends == PlannedFile::LineEnds::as_stored) return content;
  const bool only_text = file.line_ends == PlannedFile::LineEnds::windows_if_text;
  auto with_ends = with_windows_line_ends(content ? std::string_view(*content) : blob, only_text);
  return with_ends ? with_ends : content;
}

}  // namespace fanout::git
