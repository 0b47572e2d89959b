// Messages as they come off the wire or the disk, through what reads them: the flags of a request into a run's settings,
// events into a run's state and its explanation, and all of it through the redactor. The first byte chooses.
#include "fanout/internal/v1/journal.pb.h"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/service.pb.h"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/run/fold.hpp"
#include "server/secrets/event_redactor.hpp"
#include "server/secrets/message.hpp"
#include "tests/fuzz/require.hpp"

using fanout::fuzz::require;
namespace v1 = fanout::v1;

namespace {

void read_flags(const std::string& bytes) {
  v1::ExecutePlanRequest request;
  if (!request.ParseFromString(bytes)) return;
  fanout::domain::Layers layers;
  layers.flags = request.overrides();
  fanout::domain::Plan plan;
  plan.tasks.emplace_back().id = "t";
  std::vector<fanout::domain::Diagnostic> diagnostics;
  const auto spec = fanout::domain::resolve(plan, layers, diagnostics);
  require(spec.tasks_size() == 1);
  require(fanout::internal::v1::RunSpec().ParseFromString(spec.SerializeAsString()));
}

/// A stream of watched events: what a client folds, and a daemon that takes a run up.
void fold_events(const std::string& bytes) {
  v1::WatchRunResponse events;
  if (!events.ParseFromString(bytes)) return;
  const fanout::Redactor redactor;
  fanout::secrets::EventRedactor clean(redactor);
  v1::Run run;
  std::uint64_t sequence = 0;
  for (auto event : events.events()) {
    event.set_sequence(++sequence);
    const auto id = event.run_id();
    clean(event);
    require(event.run_id() == id);
    fanout::domain::apply(run, event);
  }
  fanout::domain::outcome(run);
  require(v1::Run().ParseFromString(run.SerializeAsString()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto bytes = fanout::fuzz::text_of(data + 1, size - 1);
  data[0] % 2 == 0 ? read_flags(bytes) : fold_events(bytes);
  return 0;
}
