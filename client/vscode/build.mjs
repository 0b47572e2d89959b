// Builds the extension: types and calls from the .proto files, then one bundle and the licences of what is in it.
// With --tests the unit tests instead.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
process.chdir(here);

// In the repository, else where Fanout is installed.
const proto = ["../../proto", "/usr/share/fanout/proto"].find((folder) => existsSync(folder));
if (!proto) throw new Error("the .proto files are neither in ../../proto nor in /usr/share/fanout/proto");

function generate() {
  rmSync("generated", { recursive: true, force: true });
  mkdirSync("generated");
  const files = readdirSync(path.join(proto, "fanout/v1")).map((name) => `fanout/v1/${name}`);
  const options = [
    "outputServices=grpc-js",
    "env=node",
    "esModuleInterop=true",
    "oneof=unions-value",
    "outputJsonMethods=false",
    "useExactTypes=false",
    "importSuffix=",
  ];
  execFileSync("protoc", [
    `--proto_path=${proto}`,
    "--plugin=node_modules/.bin/protoc-gen-ts_proto",
    "--ts_proto_out=generated",
    `--ts_proto_opt=${options.join(",")}`,
    ...files,
  ]);
}

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  sourcemap: false,
  logLevel: "warning",
  alias: { "@api": "./generated/fanout/v1" },
  external: ["vscode"],
};

/** The packages whose code is in the bundle, each once. */
function packagesIn(metafile) {
  const folders = Object.keys(metafile.inputs).map(
    (file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0],
  );
  return [...new Set(folders.filter(Boolean))].sort();
}

function licenceOf(folder) {
  const about = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const text = file
    ? readFileSync(path.join(folder, file), "utf8").trim()
    : `Licensed under ${about.license}.`;
  return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
}

generate();
if (process.argv.includes("--tests")) {
  rmSync("out", { recursive: true, force: true });
  const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts") || name === "real.ts");
  await build({ ...common, entryPoints: tests.map((name) => `test/${name}`), outdir: "out" });
} else {
  rmSync("dist", { recursive: true, force: true });
  const outfile = "dist/extension.js";
  const { metafile } = await build({
    ...common,
    entryPoints: ["src/extension.ts"],
    outfile,
    minify: true,
    metafile: true,
  });
  const rule = `\n${"-".repeat(78)}\n\n`;
  writeFileSync("dist/LICENSES.txt", packagesIn(metafile).map(licenceOf).join(rule));
}
