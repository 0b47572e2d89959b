#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/environment/environment.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A project with these files at its top.
class Detect : public testing::Test {
 public:
  Detect& with(const std::string& name, const std::string& content = "") {
    test::write_file(folder_ / name, content);
    return *this;
  }
  Commands commands() const { return detect(folder_.path()); }

  test::TempDir folder_;
};

TEST_F(Detect, AnEmptyFolderNeedsNothing) {
  EXPECT_THAT(commands().setup, IsEmpty());
  EXPECT_THAT(commands().verify, IsEmpty());
  EXPECT_EQ(commands().unit_test, "");
}

TEST_F(Detect, AFolderThatIsNotThereNeedsNothing) {
  EXPECT_THAT(detect(folder_ / "nowhere").setup, IsEmpty());
}

TEST_F(Detect, NpmInstallsByTheLockFileWhereThereIsOne) {
  with("package.json", "{}");
  EXPECT_THAT(commands().setup, ElementsAre("npm install"));
  with("package-lock.json");
  EXPECT_THAT(commands().setup, ElementsAre("npm ci"));
  EXPECT_THAT(commands().verify, IsEmpty());
}

TEST_F(Detect, YarnAndPnpmKeepToTheirLockFiles) {
  with("package.json", "{}").with("pnpm-lock.yaml");
  EXPECT_THAT(commands().setup, ElementsAre("pnpm install --frozen-lockfile"));
  with("yarn.lock");
  EXPECT_THAT(commands().setup, ElementsAre("yarn install --frozen-lockfile"));
}

TEST_F(Detect, ThePackageManagerThatThePackageNamesIsTheOnlyOneUsed) {
  with("package.json", R"({"packageManager": "pnpm@9.1.0"})")
      .with("package-lock.json")
      .with("pnpm-lock.yaml");
  EXPECT_THAT(commands().setup, ElementsAre("pnpm install --frozen-lockfile"));
}

TEST_F(Detect, ALockFileWithoutAPackageIsNotAProject) {
  with("yarn.lock");
  EXPECT_THAT(commands().setup, IsEmpty());
}

TEST_F(Detect, ScriptsOfThePackageBecomeItsCommands) {
  with("yarn.lock")
      .with("package.json", R"({"scripts": {"test": "jest", "lint": "eslint .", "format": "prettier -w .",
    "typecheck": "tsc --noEmit", "test:integration": "jest -c it"}})");
  EXPECT_THAT(commands().verify, ElementsAre("yarn run typecheck"));
  EXPECT_EQ(commands().unit_test, "yarn run test");
  EXPECT_EQ(commands().integration_test, "yarn run test:integration");
  EXPECT_EQ(commands().lint, "yarn run lint");
  EXPECT_EQ(commands().typecheck, "yarn run typecheck");
  EXPECT_EQ(commands().format, "yarn run format");
}

TEST_F(Detect, TheTestScriptThatNpmInitWritesIsNoTest) {
  with("package.json", R"({"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}})");
  EXPECT_EQ(commands().unit_test, "");
}

TEST_F(Detect, APackageThatIsNoJsonStillGetsInstalledSoThatNpmSaysWhatIsWrong) {
  for (const char* text : {"{", "[]", "{\"scripts\": 3}", "{\"scripts\": {\"typecheck\": null}}", ""}) {
    with("package.json", text);
    EXPECT_THAT(commands().setup, ElementsAre("npm install")) << text;
    EXPECT_THAT(commands().verify, IsEmpty()) << text;
  }
}

TEST_F(Detect, UvSyncsWithALockFileAndForAProjectWithoutOne) {
  with("pyproject.toml", "[tool.black]\nline-length = 100\n");
  EXPECT_THAT(commands().setup, IsEmpty()) << "settings of a formatter are no project";
  with("pyproject.toml", "[build-system]\n\n[project]\nname = \"x\"\n");
  EXPECT_THAT(commands().setup, ElementsAre("uv sync"));
  with("uv.lock").with("requirements.txt");
  EXPECT_THAT(commands().setup, ElementsAre("uv sync"));
}

TEST_F(Detect, RequirementsGetAVirtualEnvironment) {
  with("requirements.txt", "flask\npytest\n").with("tests/test_a.py");
  EXPECT_THAT(commands().setup,
              ElementsAre("python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"));
  EXPECT_THAT(commands().verify, ElementsAre(".venv/bin/pytest --collect-only -q"));
}

TEST_F(Detect, PytestIsProposedOnlyWhereThereAreTestsAndItIsInstalled) {
  with("uv.lock").with("pyproject.toml",
                       "[project]\n[dependency-groups]\ndev = [\"pytest\", \"ruff\", \"mypy\"]\n");
  EXPECT_THAT(commands().verify, IsEmpty());
  EXPECT_EQ(commands().lint, "uv run ruff check .");
  EXPECT_EQ(commands().typecheck, "uv run mypy .");
  with("tests/unit/test_a.py").with("tests/integration/test_b.py");
  EXPECT_THAT(commands().verify, ElementsAre("uv run pytest --collect-only -q"));
  EXPECT_EQ(commands().unit_test, "uv run pytest tests/unit");
  EXPECT_EQ(commands().integration_test, "uv run pytest tests/integration");
  with("pyproject.toml", "[project]\n");
  EXPECT_THAT(commands().verify, IsEmpty());
}

TEST_F(Detect, CompiledLanguagesFetchAndThenCompileWithoutRunning) {
  with("Cargo.toml").with("go.mod");
  EXPECT_THAT(commands().setup, ElementsAre("cargo fetch", "go mod download"));
  EXPECT_THAT(commands().verify, ElementsAre("cargo check", "go test ./... -run '^$'"));
}

TEST_F(Detect, CmakeConfiguresAndMakeNeedsNothing) {
  with("CMakeLists.txt")
      .with("Makefile", "CC := cc\nlint := no\nall: x\n\ncheck: all\n\tsh run\nfmt:\n\tx\n");
  EXPECT_THAT(commands().setup, ElementsAre("cmake -S . -B build"));
  EXPECT_THAT(commands().verify, IsEmpty());
  EXPECT_EQ(commands().unit_test, "cmake --build build && ctest --test-dir build --output-on-failure");
  EXPECT_EQ(commands().lint, "") << "a variable is no rule";
  EXPECT_EQ(commands().format, "make fmt");
}

TEST_F(Detect, SeveralKindsAreSetUpInOrderAndTheFirstHasTheWord) {
  with("package.json", R"({"scripts": {"test": "jest"}})")
      .with("uv.lock")
      .with("Cargo.toml")
      .with("CMakeLists.txt");
  EXPECT_THAT(commands().setup, ElementsAre("npm install", "uv sync", "cargo fetch", "cmake -S . -B build"));
  EXPECT_EQ(commands().unit_test, "npm run test");
  EXPECT_EQ(commands().lint, "cargo clippy");
}

TEST_F(Detect, AFifoInPlaceOfAFileHoldsNobodyUp) {
  ASSERT_EQ(mkfifo((folder_ / "package.json").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((folder_ / "Makefile").c_str(), 0600), 0);
  EXPECT_THAT(commands().setup, IsEmpty());
}

}  // namespace
}  // namespace fanout::environment
