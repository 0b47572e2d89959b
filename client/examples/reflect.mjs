// Asks the daemon what it can do, and calls it, without a single .proto file: by gRPC's server reflection.
//   npm ci && node reflect.mjs
import grpc from "@grpc/grpc-js";
import { GrpcReflection } from "grpc-js-reflection-client";

const folder = process.env.XDG_RUNTIME_DIR ? `${process.env.XDG_RUNTIME_DIR}/fanout` : `/tmp/fanout-${process.getuid()}`;
const target = `unix:${process.env.FANOUT_SOCKET || `${folder}/fanoutd.sock`}`;
const daemon = new GrpcReflection(target, grpc.credentials.createInsecure());

const methods = new Map();
for (const service of (await daemon.listServices()).filter((name) => name.startsWith("fanout."))) {
  for (const { definition } of await daemon.listMethods(service)) methods.set(definition.path, definition);
}
for (const [path, { responseStream }] of methods) console.log(responseStream ? `${path} (stream)` : path);

const { path, requestSerialize, responseDeserialize } = methods.get("/fanout.v1.DaemonService/GetInfo");
const client = new grpc.Client(target, grpc.credentials.createInsecure());
client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, info) => {
  console.log(error?.details ?? `fanoutd ${info.version}, pid ${info.pid}`);
  process.exitCode = error ? 1 : 0;
});
