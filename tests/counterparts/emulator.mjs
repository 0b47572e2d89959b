// usage: emulator.mjs PORT [ADDRESS]: GitHub as emulate has it, with the repository octo/hello, on 127.0.0.1.
// ADDRESS is what its links begin with, where something stands before it.
import { load, stayOnLoopback } from "./common.mjs";

stayOnLoopback();
const { createEmulator } = await load("emulate/dist/api.js");
const port = Number(process.argv[2]);
await createEmulator({
  service: "github",
  port,
  baseUrl: process.argv[3] ?? `http://127.0.0.1:${port}`,
  seed: {
    tokens: { [process.env.GH_TOKEN]: { login: "mona", scopes: ["repo", "user", "admin:org"] } },
    github: {
      users: [{ login: "mona", name: "Mona" }, { login: "octo" }],
      repos: [{ owner: "mona", name: "hello", default_branch: "main" }],
    },
  },
});
