// usage: fixtures.mjs PORT: recorded traffic of the real api.github.com, played in strict order.
// POST /fixtures {"scenario": NAME} says where. Recorded were an older Accept and another form of the token; what
// a request must have of these is what GitHub asks for now.
import { load, stayOnLoopback } from "./common.mjs";

stayOnLoopback();
const { default: express } = await load("express/index.js");
const { default: player } = await load("@octokit/fixtures-server/index.js");
const { default: defaults } = await load("@octokit/fixtures-server/lib/defaults.js");

const headers = { accept: "application/vnd.github+json", authorization: `Bearer ${process.env.GH_TOKEN}` };
const modern = (exchange) => ({ ...exchange, reqheaders: { ...headers, host: exchange.reqheaders.host } });
const fixtures = Object.fromEntries(Object.entries(defaults.fixtures).map(([name, all]) => [name, all.map(modern)]));

const port = Number(process.argv[2]);
const app = express();
app.use(player({ port, fixturesUrl: `http://127.0.0.1:${port}`, logLevel: "warn", fixtures }));
app.listen(port);
