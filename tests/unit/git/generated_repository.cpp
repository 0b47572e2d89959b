#include "tests/unit/git/generated_repository.hpp"

#include <map>

namespace fanout::git {

namespace {

template <class T>
const T& one_of(std::mt19937& random, const std::vector<T>& values) {
  return values[random() % values.size()];
}

bool one_in(std::mt19937& random, unsigned n) { return random() % n == 0; }

/// As git reads a path in quotes.
std::string quoted(const std::string& path) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

const std::vector<std::string> kNames = {
    "a", "b.txt", "c.c", "Makefile", "with space.txt", "-dash", "--", "ünï.txt", "日本語", "quote\"d", "back\\slash",
    "new\nline", "tab\t.txt", "*", "[x]", "?.c", "#hash", "!bang", "~", "end.", ".hidden", ".gitignore", "a.b.c", "CON",
    std::string(200, 'x'), "\xff\xfe", "$Id$", "a;b", "git~2", ".gitx", "data.bin", "A"};

const std::vector<std::string> kFolders = {"", "", "src/", "src/deep/er/", "with space/", "a.d/", "a-d/", "sub\\folder/", "日/本/"};

const std::vector<std::string> kContents = {
    "", "\n", "one\ntwo\n", "no end", "one\r\ntwo\r\n", "mixed\r\nlines\n", "lone\rreturn\n", "\r", std::string("nul\0byte\n", 9),
    "$Id$\n", "x $Id: 0123 $ y\n", "$Id: with space between $\n", "$Id: no end\n$Id$", "$Id:$\n", "$Idx$Id$\n", "$$Id$$\n",
    "\xef\xbb\xbf" "mark\n", "latin \xe4\n", "bell\a\a\a\n", "end of file\n\032", "\033[1mbold\033[0m\n", std::string(70'000, 'z') + "\n",
    "l\xc3\xadnea\n", "\n\n\n", "a\n\rb\n"};

const std::vector<std::string> kPatterns = {"*",        "*.txt",  "*.c",    "src/**",      "/b.txt",     "deep/",   "src/*.c", "**/er/*",
                                            "[a-c]*",   "?.c",    "a.?.c",  "\"with space.txt\"", "with\\ space.txt", "A", "*.bin",   "日本語",
                                            "!b.txt",   "src",    "er/**",  "**",          "b.txt",      "\"\\303\\274n*\"", "x*x", "sub*"};

const std::vector<std::string> kAttributes = {"text",      "-text",     "!text",    "text=auto", "eol=crlf", "eol=lf", "crlf",  "-crlf",
                                              "crlf=input", "crlf=auto", "ident",   "-ident",    "binary",   "mine",   "-mine", "!mine",
                                              "filter=unknown", "-filter", "text=what", "diff",  "eol=CRLF", "export-ignore", "-binary", "!eol"};

std::string generate_attributes(std::mt19937& random) {
  std::string text;
  if (one_in(random, 3)) text += "[attr]mine text eol=crlf -ident\n";
  if (one_in(random, 4)) text += "  # a comment\n\n";
  const auto lines = 1 + random() % 6;
  for (std::size_t line = 0; line < lines; ++line) {
    text += one_of(random, kPatterns);
    for (auto left = random() % 4; left > 0; --left) text += (one_in(random, 4) ? "\t" : " ") + one_of(random, kAttributes);
    if (one_in(random, 12)) text += " not/a/name";
    if (one_in(random, 8)) text += "\r";
    text += "\n";
  }
  return text;
}

StoredFile generate_file(std::mt19937& random, std::string path) {
  if (one_in(random, 10)) {
    static const std::vector<std::string> kTargets = {"a", "nowhere", "/etc/passwd", "../../outside", "src", "with space.txt"};
    return {"120000", std::move(path), one_of(random, kTargets)};
  }
  if (one_in(random, 25)) return {"160000", std::move(path), "0123456789012345678901234567890123456789"};
  return {one_in(random, 6) ? "100755" : "100644", std::move(path), one_of(random, kContents)};
}

}  // namespace

std::string store_commit(const test::GitSandbox& sandbox, const std::vector<StoredFile>& files, const std::string& branch) {
  std::string stream = "commit refs/heads/" + branch + "\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 4\nmade\n";
  for (const auto& file : files) {
    if (file.mode == "160000") {
      stream += "M 160000 " + file.content + " " + quoted(file.path) + "\n";
    } else {
      stream += "M " + file.mode + " inline " + quoted(file.path) + "\ndata " + std::to_string(file.content.size()) + "\n" + file.content + "\n";
    }
  }
  const auto script = sandbox.outside() / "stream";
  test::write_file(script, stream);
  const auto output = test::run_in(sandbox.root(), {"sh", "-c", "git fast-import --force --quiet < ../stream"});
  if (output.status != 0) throw std::runtime_error("git fast-import failed: " + output.text);
  return sandbox.git({"rev-parse", branch});
}

std::vector<StoredFile> generate_files(std::mt19937& random, std::size_t count) {
  std::map<std::string, StoredFile> files;
  std::map<std::string, bool> folders;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string folder = one_of(random, kFolders) + (one_in(random, 3) ? "n" + std::to_string(random() % 5) + "/" : "");
    const std::string path = folder + one_of(random, kNames);
    files[path] = generate_file(random, path);
  }
  for (const std::string folder : {"", "src/", "src/deep/", "日/"}) {
    const std::string path = folder + ".gitattributes";
    if (!one_in(random, 3)) files[path] = {"100644", path, generate_attributes(random)};
  }
  std::vector<StoredFile> list;
  for (auto& [path, file] : files) {
    // What is a folder for others cannot be a file.
    const auto below = files.lower_bound(path + "/");
    if (below == files.end() || !below->first.starts_with(path + "/")) list.push_back(std::move(file));
  }
  return list;
}

void generate_settings(std::mt19937& random, const test::GitSandbox& sandbox) {
  const auto maybe = [&](const std::string& key, const std::vector<std::string>& values) {
    if (one_in(random, 2)) sandbox.git({"config", key, one_of(random, values)});
  };
  maybe("core.autocrlf", {"true", "false", "input"});
  maybe("core.eol", {"crlf", "lf", "native"});
  if (one_in(random, 5)) sandbox.git({"config", "core.symlinks", "false"});
  if (one_in(random, 3)) test::write_file(sandbox.root() / ".git/info/attributes", generate_attributes(random));
  if (one_in(random, 3)) {
    test::write_file(sandbox.outside() / "mine.attributes", generate_attributes(random));
    sandbox.git({"config", "core.attributesFile", (sandbox.outside() / "mine.attributes").string()});
  }
}

}  // namespace fanout::git
