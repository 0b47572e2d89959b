#pragma once

#include "fanout/v1/doctor.grpc.pb.h"
#include "server/doctor/doctor.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.DoctorService`; the method is documented in doctor.proto.
class DoctorService final : public fanout::v1::DoctorService::CallbackService {
 public:
  DoctorService(Bridge& bridge, doctor::Doctor& doctor) : bridge_(bridge), doctor_(doctor) {}

  grpc::ServerUnaryReactor* Examine(grpc::CallbackServerContext* context, const fanout::v1::ExamineRequest* request,
                                    fanout::v1::ExamineResponse* response) override;

 private:
  awaitable<void> examine(const fanout::v1::ExamineRequest& request, fanout::v1::ExamineResponse& response);

  Bridge& bridge_;
  doctor::Doctor& doctor_;
};

}  // namespace fanout::rpc
