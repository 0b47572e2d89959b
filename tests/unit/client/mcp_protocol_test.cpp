// The Model Context Protocol, line by line, with tools that do nothing but what a test needs.
#include <gmock/gmock.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "client/mcp/lines.hpp"
#include "client/mcp/protocol.hpp"
#include "client/mcp/schema.hpp"
#include "common/error.hpp"

namespace fanout::mcp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kModern =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";
constexpr const char* kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}})";

Answer echo(const json::object& arguments, Call& call) {
  for (const double done : {1.0, 1.0, 0.5, 2.0}) call.progress(done, 2, "at work");
  return {"said", {{"text", arguments.at("text")}}, false};
}

Answer wait(const json::object&, Call& call) {
  while (!call.stopped_within(std::chrono::hours(1))) continue;
  return {"stopped", json::object(), false};
}

Tool tool(const char* name, const char* input, std::function<Answer(const json::object&, Call&)> run) {
  const auto any = json::parse(R"({"type":"object"})").get_object();
  return {name, name, "for a test", json::parse(input).get_object(), any, json::object(), std::move(run)};
}

/// A client, and what it was sent.
class Peer {
 public:
  Peer() : protocol_(offer_, [this](const std::string& line) { put(line); }) {}

  void say(const std::string& line) { protocol_.take(line); }
  /// What is sent next.
  json::object next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::minutes(1), [this] { return !lines_.empty(); }))
      throw std::runtime_error("silence");
    auto line = std::move(lines_.front());
    lines_.pop_front();
    return json::parse(line).get_object();
  }
  json::object ask(const std::string& line) {
    say(line);
    return next();
  }
  json::object ask_modern(const std::string& method, const std::string& params = "") {
    return ask(R"({"jsonrpc":"2.0","id":"m","method":")" + method + R"(","params":{)" + kModern +
               (params.empty() ? "" : ",") + params + "}}");
  }
  std::int64_t code_of(const std::string& line) { return ask(line).at("error").at("code").get_int64(); }
  bool silent() {
    const std::lock_guard lock(mutex_);
    return lines_.empty();
  }
  void finish() { protocol_.finish(); }

 private:
  static Offer make_offer() {
    Offer offer;
    offer.instructions = "for a test";
    offer.tools.push_back(tool(
        "echo",
        R"({"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false})",
        echo));
    offer.tools.push_back(tool("wait", R"({"type":"object"})", wait));
    offer.tools.push_back(tool("fail", R"({"type":"object"})", [](const json::object&, Call&) -> Answer {
      throw Error(ErrorKind::precondition, "not today");
    }));
    offer.list = [](const std::string& cursor, Call&) {
      return ResourcePage{json::array(), cursor.empty() ? "2" : ""};
    };
    offer.read = [](const std::string& uri, Call&) -> json::array { throw Error(ErrorKind::not_found, "no " + uri); };
    return offer;
  }
  void put(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    came_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> lines_;
  Offer offer_ = make_offer();
  Protocol protocol_;
};

std::string call(const std::string& id, const std::string& tool, const std::string& arguments = "{}",
                 const std::string& meta = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool +
         R"(","arguments":)" + arguments + R"(,"_meta":)" + meta + "}}";
}

TEST(McpLegacy, TheVersionThatIsAskedForIsAgreedOnIfItIsKnown) {
  for (const auto& [asked, agreed] :
       {std::pair{"2025-06-18", "2025-06-18"}, {"2025-11-25", "2025-11-25"}, {"2024-01-01", "2025-11-25"}}) {
    Peer peer;
    const auto answer = peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
                                 std::string(asked) + R"(","capabilities":{}}})");
    EXPECT_EQ(answer.at("result").at("protocolVersion"), agreed);
    EXPECT_TRUE(answer.at("result").at("capabilities").get_object().contains("tools"));
  }
}

TEST(McpLegacy, NothingButPingIsAnsweredBeforeInitialize) {
  Peer peer;
  EXPECT_EQ(peer.ask(R"({"jsonrpc":"2.0","id":7,"method":"ping"})").at("result"), json::object());
  const auto refused = peer.ask(R"({"jsonrpc":"2.0","id":8,"method":"tools/list"})");
  EXPECT_EQ(refused.at("error").at("code"), kInvalidParams);
  EXPECT_EQ(refused.at("id"), 8);
  peer.ask(kInitialize);
  EXPECT_EQ(peer.ask(R"({"jsonrpc":"2.0","id":9,"method":"tools/list"})").at("result").at("tools").get_array().size(),
            3u);
  EXPECT_EQ(peer.code_of(kInitialize), kInvalidRequest) << "once is enough";
}

TEST(McpLegacy, ResultsHoldNothingOfTheLaterRevision) {
  Peer peer;
  peer.ask(kInitialize);
  const auto result = peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})").at("result").get_object();
  for (const auto* later : {"resultType", "ttlMs", "cacheScope"}) EXPECT_FALSE(result.contains(later)) << later;
}

TEST(McpModern, EveryRequestSaysItsVersionAndNeedsNoOther) {
  Peer peer;
  const auto found = peer.ask_modern("server/discover").at("result").get_object();
  EXPECT_EQ(found.at("supportedVersions"), json::parse(R"(["2026-07-28"])"));
  EXPECT_EQ(found.at("resultType"), "complete");
  EXPECT_EQ(found.at("cacheScope"), "private");
  EXPECT_EQ(found.at("_meta").at("io.modelcontextprotocol/serverInfo").at("name"), "fanout");
  EXPECT_EQ(peer.ask_modern("tools/list").at("result").at("ttlMs"), 86400000);
  EXPECT_EQ(peer.ask_modern("resources/list").at("result").at("nextCursor"), "2");
}

TEST(McpModern, AnotherVersionIsRefusedWithThoseThatThereAre) {
  Peer peer;
  const auto error =
      peer.ask(
              R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01"}}})")
          .at("error")
          .get_object();
  EXPECT_EQ(error.at("code"), kUnsupportedProtocolVersion);
  EXPECT_EQ(error.at("data"), json::parse(R"({"supported":["2026-07-28"],"requested":"1900-01-01"})"));
  EXPECT_EQ(
      peer.code_of(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})"),
      kInvalidParams)
      << "the client's capabilities are missing";
}

TEST(McpModern, WhatWasLeftBehindIsGone) {
  Peer peer;
  EXPECT_EQ(peer.ask_modern("ping").at("error").at("code"), kMethodNotFound);
  EXPECT_EQ(peer.ask_modern("resources/read", R"("uri":"x:y")").at("error").at("code"), kInvalidParams);
  peer.ask(kInitialize);
  const auto old = peer.ask(R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x:y"}})");
  EXPECT_EQ(old.at("error").at("code"), kResourceNotFound) << "both eras at once";
  EXPECT_EQ(old.at("error").at("data").at("uri"), "x:y");
}

TEST(McpModern, ASubscriptionIsAcknowledgedAndEndsWithTheServer) {
  Peer peer;
  const auto acknowledged = peer.ask_modern("subscriptions/listen", R"("notifications":{"toolsListChanged":true})");
  EXPECT_EQ(acknowledged.at("method"), "notifications/subscriptions/acknowledged");
  EXPECT_EQ(acknowledged.at("params").at("notifications"), json::object()) << "none of what was asked for is told of";
  EXPECT_EQ(acknowledged.at("params").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "m");
  peer.finish();
  EXPECT_EQ(peer.next().at("result").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "m");
}

TEST(McpTools, AnswerInTextAndStructured) {
  Peer peer;
  peer.ask(kInitialize);
  const auto result = peer.ask(call("1", "echo", R"({"text":"hello"})")).at("result").get_object();
  EXPECT_EQ(result.at("structuredContent"), json::parse(R"({"text":"hello"})"));
  EXPECT_EQ(result.at("content").at(0).at("text"), "said");
  EXPECT_EQ(result.at("content").at(1).at("text"), R"({"text":"hello"})");
  EXPECT_EQ(result.at("isError"), false);
}

TEST(McpTools, MistakesOfTheModelAreForTheModelThoseOfTheProgramForTheProgram) {
  Peer peer;
  peer.ask(kInitialize);
  for (const auto& [arguments, said] : {std::pair{"{}", "text is missing"},
                                        {R"({"text":1})", "text must be a string"},
                                        {R"({"text":"a","more":1})", "echo has no \"more\""}}) {
    const auto result = peer.ask(call("1", "echo", arguments)).at("result").get_object();
    EXPECT_EQ(result.at("isError"), true);
    EXPECT_EQ(result.at("content").at(0).at("text"), said);
  }
  EXPECT_EQ(peer.ask(call("1", "fail")).at("result").at("content").at(0).at("text"), "not today");
  EXPECT_EQ(peer.code_of(call("1", "none")), kInvalidParams);
  EXPECT_EQ(peer.code_of(call("1", "echo", "[]")), kInvalidParams);
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})"), kInvalidParams);
}

TEST(McpProgress, OnlyGrowsAndOnlyWhereItIsAskedFor) {
  Peer peer;
  peer.ask(kInitialize);
  peer.say(call("1", "echo", R"({"text":""})", R"({"progressToken":"p"})"));
  for (const double done : {1.0, 2.0}) {
    const auto told = peer.next();
    EXPECT_EQ(told.at("method"), "notifications/progress");
    EXPECT_EQ(told.at("params"),
              (json::value{{"progressToken", "p"}, {"progress", done}, {"total", 2.0}, {"message", "at work"}}));
  }
  EXPECT_TRUE(peer.next().contains("result"));
}

TEST(McpCancellation, EndsTheWorkAndNothingMoreIsSaid) {
  Peer peer;
  peer.ask(kInitialize);
  peer.say(call("\"w\"", "wait"));
  EXPECT_EQ(peer.code_of(call("\"w\"", "echo")), kInvalidRequest) << "an id that is in use";
  peer.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w","reason":"enough"}})");
  peer.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"never"}})");
  peer.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled"})");
  peer.finish();
  EXPECT_TRUE(peer.silent());
}

TEST(McpEnd, WhatWaitsIsToldToStopAndAnswered) {
  Peer peer;
  peer.ask(kInitialize);
  peer.say(call("1", "wait"));
  peer.finish();
  EXPECT_EQ(peer.next().at("result").at("content").at(0).at("text"), "stopped");
}

TEST(McpRequests, AreBoundedInNumber) {
  Peer peer;
  peer.ask(kInitialize);
  for (int i = 0; i < 32; ++i) peer.say(call(std::to_string(100 + i), "wait"));
  EXPECT_EQ(peer.code_of(call("1", "wait")), kInternalError);
}

TEST(McpHostileInput, IsAnsweredAsTheProtocolSays) {
  Peer peer;
  peer.ask(kInitialize);
  EXPECT_EQ(peer.code_of("nonsense"), kParseError);
  EXPECT_EQ(peer.code_of("{\"a\":\"\xff\"}"), kParseError) << "not UTF-8";
  EXPECT_EQ(peer.code_of(std::string(100'000, '[')), kParseError) << "deeper than anybody needs";
  EXPECT_EQ(peer.code_of("[]"), kInvalidRequest);
  EXPECT_EQ(peer.code_of("17"), kInvalidRequest);
  EXPECT_EQ(peer.code_of(R"({"id":1,"method":"ping"})"), kInvalidRequest) << "no version of JSON-RPC";
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1})"), kInvalidRequest);
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1,"method":5})"), kInvalidRequest);
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})"), kInvalidParams);
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1,"method":"no/such"})"), kMethodNotFound);
  EXPECT_EQ(peer.code_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})"), kInvalidParams);
}

TEST(McpHostileInput, AnIdThatIsNoneIsNotGivenBack) {
  Peer peer;
  for (const auto* id : {"null", "1.5", "true", "{}", "[1]"}) {
    const auto answer = peer.ask(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"ping"})");
    EXPECT_EQ(answer.at("error").at("code"), kInvalidRequest) << id;
    EXPECT_FALSE(answer.contains("id")) << id;
  }
}

TEST(McpHostileInput, WhatAsksForNothingIsNotAnswered) {
  Peer peer;
  for (const auto* line :
       {"", "  \r", R"({"jsonrpc":"2.0","id":1,"result":{}})", R"({"jsonrpc":"2.0","id":1,"error":{}})",
        R"({"jsonrpc":"2.0","method":"notifications/none"})", R"({"jsonrpc":"2.0","method":"tools/call"})"})
    peer.say(line);
  peer.finish();
  EXPECT_TRUE(peer.silent());
}

TEST(McpLines, ComeWholeHoweverTheBytesCome) {
  Lines lines(10);
  EXPECT_THAT(lines.add("ab"), IsEmpty());
  const auto two = lines.add("c\n\nx");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].text, "abc");
  EXPECT_EQ(two[1].text, "");
  EXPECT_EQ(lines.finish().at(0).text, "x") << "the last one needs no end";
}

TEST(McpLines, ThatAreTooLongAreToldOfAndTheNextOneIsRead) {
  Lines lines(4);
  EXPECT_THAT(lines.add("12345"), IsEmpty());
  const auto both = lines.add("678\nabcd\n");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_TRUE(both[0].too_long);
  EXPECT_EQ(both[1].text, "abcd");
  EXPECT_FALSE(both[1].too_long);
  EXPECT_THAT(lines.finish(), IsEmpty());
}

TEST(McpSchema, TellsTheFirstFaultInOneSentence) {
  const auto schema =
      json::parse(
          R"({"type":"object","additionalProperties":false,"properties":{"n":{"type":"integer","minimum":1,"maximum":3},
    "kind":{"type":"string","enum":["a","b"]},"run":{"type":"string","minLength":1},"all":{"type":"array","items":{"type":"string"}}}})")
          .get_object();
  const auto fault = [&](const char* value) { return fault_by_schema(json::parse(value), schema, "it"); };
  EXPECT_EQ(fault(R"({"n":2,"kind":"b","run":"x","all":["y"]})"), "");
  EXPECT_EQ(fault("3"), "it must be an object");
  EXPECT_EQ(fault(R"({"n":0})"), "n must be at least 1");
  EXPECT_EQ(fault(R"({"n":18446744073709551615})"), "n must be at most 3");
  EXPECT_EQ(fault(R"({"n":1.5})"), "n must be an integer");
  EXPECT_EQ(fault(R"({"kind":"c"})"), R"(kind must be one of "a", "b")");
  EXPECT_EQ(fault(R"({"run":""})"), "run must not be empty");
  EXPECT_EQ(fault(R"({"all":["y",1]})"), "each of all must be a string");
}

}  // namespace
}  // namespace fanout::mcp
