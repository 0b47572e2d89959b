"""Executes a plan and follows it to its end, with nothing of Fanout's but its .proto files. Debian's own tools suffice:

  apt install protobuf-compiler protobuf-compiler-grpc python3-grpcio python3-protobuf
  mkdir generated && protoc -I ../../proto --python_out=generated --grpc_out=generated \
    --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin ../../proto/fanout/v1/*.proto
  PYTHONPATH=generated /usr/bin/python3 follow.py PLAN [AGENT]
"""
import os
import sys

import grpc
from fanout.v1 import plan_pb2, run_pb2, service_pb2, service_pb2_grpc


def socket() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{runtime}/fanout" if runtime else f"/tmp/fanout-{os.getuid()}"
    return os.environ.get("FANOUT_SOCKET") or f"{folder}/fanoutd.sock"


def main(plan: str, agent: str = "") -> int:
    with grpc.insecure_channel(f"unix:{socket()}") as channel:
        runs = service_pb2_grpc.RunServiceStub(channel)
        request = service_pb2.ExecutePlanRequest(
            plan_path=os.path.abspath(plan),
            overrides=plan_pb2.Overrides(agent=agent),
            working_directory=os.getcwd(),
        )
        run = runs.ExecutePlan(request).run
        for answer in runs.WatchRun(service_pb2.WatchRunRequest(run_id=run.id)):
            for event in answer.events:
                if event.HasField("phase_changed"):
                    print(event.task_id, run_pb2.Phase.Name(event.phase), event.phase_changed.reason)
        ended = runs.GetRun(service_pb2.GetRunRequest(run_id=run.id)).run
    print(run_pb2.RunState.Name(ended.state))
    return 0 if ended.state == run_pb2.RUN_STATE_COMPLETED else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except grpc.RpcError as refused:
        sys.exit(refused.details())
