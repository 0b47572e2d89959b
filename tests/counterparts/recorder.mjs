// usage: recorder.mjs PORT UPSTREAM FILE [TITLE]: passes everything on to UPSTREAM and writes each exchange to FILE,
// a line of JSON each.
//
// /graphql is answered here: by GitHub's own schema and the executor of graphql-js, with what UPSTREAM has. Each
// document is validated, its variables too. A createIssue with a title that contains TITLE is refused, and so the
// answer is partial.
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { home, load, passOn, serve } from "./common.mjs";

const [port, upstream, file, refused] = process.argv.slice(2);
const { GraphQLError, buildSchema, execute, getOperationAST, getVariableValues, parse, validate } =
  (await load("graphql/index.js")).default;
// It defines a field twice, which a strict reader refuses.
const schema = buildSchema(readFileSync(join(home, "node_modules/@octokit/graphql-schema/schema.graphql"), "utf8"), { assumeValidSDL: true });
const repository = "/repos/mona/hello";

function refusal(type, message) {
  return new GraphQLError(message, { extensions: { type } });
}

/** The resolvers, for one request: `rest(method, path, body)` asks UPSTREAM as the client would. */
function root(rest) {
  const issue = (made) => ({
    id: made.node_id,
    number: made.number,
    url: made.html_url,
    labels: { nodes: made.labels.map(({ name }) => ({ name })) },
  });
  const pullRequest = async ({ number }) => {
    const found = await rest("GET", `${repository}/pulls/${number}`);
    if (found === null) throw refusal("NOT_FOUND", `Could not resolve to a PullRequest with the number of ${number}.`);
    return {
      __typename: "PullRequest",
      id: found.node_id,
      number: found.number,
      url: found.html_url,
      title: found.title,
      body: found.body,
      state: found.merged_at ? "MERGED" : found.state.toUpperCase(),
      isDraft: found.draft,
      merged: Boolean(found.merged_at),
      mergeable: "MERGEABLE",
      headRefName: found.head.ref,
      headRefOid: found.head.sha,
      baseRefName: found.base.ref,
      reviewDecision: null,
      commits: { nodes: [{ commit: { oid: found.head.sha, statusCheckRollup: null } }] },
      reviews: { nodes: [] },
      latestReviews: { nodes: [] },
      labels: { nodes: [] },
    };
  };
  return {
    async createIssue({ input }) {
      if (refused && input.title.includes(refused)) throw refusal("UNPROCESSABLE", "This title is not to be had");
      const here = await rest("GET", repository);
      if (here.node_id !== input.repositoryId) throw refusal("NOT_FOUND", "Could not resolve to a node");
      const labels = (await rest("GET", `${repository}/labels?per_page=100`)).filter(({ node_id }) => input.labelIds?.includes(node_id));
      const body = { title: input.title, body: input.body, labels: labels.map(({ name }) => name) };
      return { issue: issue(await rest("POST", `${repository}/issues`, body)) };
    },
    repository: async ({ owner, name }) => {
      if (`/repos/${owner}/${name}` !== repository) throw refusal("NOT_FOUND", "Could not resolve to a Repository");
      return { pullRequest };
    },
    async markPullRequestReadyForReview({ input }) {
      const all = await rest("GET", `${repository}/pulls?state=all&per_page=100`);
      const found = all.find(({ node_id }) => node_id === input.pullRequestId);
      if (!found) throw refusal("NOT_FOUND", "Could not resolve to a node");
      return { pullRequest: await pullRequest({ number: found.number }) };
    },
  };
}

/** What a document breaks of the schema, and its variables; empty: nothing. */
function faults(document, variables) {
  const found = validate(schema, document);
  if (found.length > 0) return found;
  return getVariableValues(schema, getOperationAST(document).variableDefinitions ?? [], variables ?? {}).errors ?? [];
}

async function graphql(request, text) {
  const { query, variables } = JSON.parse(text);
  const rest = async (method, path, body) => {
    const headers = { authorization: request.headers.authorization, "content-type": "application/json", "user-agent": "recorder" };
    const answer = await passOn(upstream, { method, url: path, headers }, body && JSON.stringify(body));
    return answer.status < 300 ? JSON.parse(answer.body) : null;
  };
  let document, found;
  try {
    document = parse(query);
    found = faults(document, variables);
  } catch (error) {
    found = [error];
  }
  note({ document: query, variables, violations: found.map(({ message }) => message) });
  if (found.length > 0) {
    return { data: undefined, errors: found.map(({ message }) => ({ message, extensions: { code: "invalid" } })) };
  }
  const result = await execute({ schema, document, rootValue: root(rest), variableValues: variables });
  // As GitHub has it: the type stands in the error itself.
  const errors = result.errors?.map((error) => ({ type: error.extensions.type, path: error.path, message: error.message }));
  return { data: result.data, errors };
}

/** The same refusal by REST. */
function unwanted(request, body) {
  if (!refused || request.method !== "POST" || !request.url.endsWith("/issues")) return null;
  if (!JSON.parse(body).title?.includes(refused)) return null;
  const errors = [{ resource: "Issue", field: "title", code: "custom", message: "This title is not to be had" }];
  return { status: 422, headers: { "content-type": "application/json" }, body: { message: "Validation Failed", errors } };
}

function note(entry) {
  appendFileSync(file, JSON.stringify(entry) + "\n");
}

serve(Number(port), async (request, body) => {
  if (request.url === "/graphql") {
    const answer = await graphql(request, body.toString());
    return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body: answer };
  }
  const answer = unwanted(request, body) ?? (await passOn(upstream, request, body));
  note({
    method: request.method,
    path: request.url,
    body: body.toString(),
    status: answer.status,
    violations: JSON.parse(answer.headers["sl-violations"] ?? "[]").filter(({ location }) => location[0] === "request"),
  });
  return answer;
});
