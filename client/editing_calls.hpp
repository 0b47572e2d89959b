#pragma once

#include <filesystem>
#include <memory>

#include "client/session.hpp"
#include "fanout/v1/editing.pb.h"

namespace fanout::client {

/// EditingService as plain calls: gRPC ends here, too. Failure: CallFailed.
class EditingCalls {
 public:
  /// At the daemon of the session, which is started if none answers.
  explicit EditingCalls(Session& session);
  ~EditingCalls();
  EditingCalls(const EditingCalls&) = delete;
  EditingCalls& operator=(const EditingCalls&) = delete;

  fanout::v1::InitRepositoryResponse call(const fanout::v1::InitRepositoryRequest& request);
  fanout::v1::NewPlanResponse call(const fanout::v1::NewPlanRequest& request);
  fanout::v1::AddTaskResponse call(const fanout::v1::AddTaskRequest& request);
  fanout::v1::AddTasksFromIssuesResponse call(const fanout::v1::AddTasksFromIssuesRequest& request);
  fanout::v1::DraftPlanResponse call(const fanout::v1::DraftPlanRequest& request);
  fanout::v1::AdoptDraftResponse call(const fanout::v1::AdoptDraftRequest& request);

 private:
  struct Stub;

  std::filesystem::path socket_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace fanout::client
