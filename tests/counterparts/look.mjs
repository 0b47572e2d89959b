// usage: look.mjs URL [merge NUMBER]: what is in mona/hello at URL, by a client that is not ours (Octokit), as JSON.
// With merge: merges that pull request first.
import { load } from "./common.mjs";

const { Octokit } = await load("@octokit/rest/dist-src/index.js");
const [url, what, number] = process.argv.slice(2);
const octokit = new Octokit({ baseUrl: url, auth: process.env.GH_TOKEN });
const here = { owner: "mona", repo: "hello", per_page: 100 };

if (what === "merge") await octokit.pulls.merge({ ...here, pull_number: Number(number) });
const listed = await octokit.paginate(octokit.issues.listForRepo, { ...here, state: "all" });
const issues = [];
for (const issue of listed.filter((entry) => !entry.pull_request)) {
  const comments = await octokit.paginate(octokit.issues.listComments, { ...here, issue_number: issue.number });
  issues.push({
    number: issue.number,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    state_reason: issue.state_reason,
    labels: issue.labels.map(({ name }) => name),
    comments: comments.map(({ body }) => body),
  });
}
const pulls = (await octokit.paginate(octokit.pulls.list, { ...here, state: "all" })).map((pull) => ({
  number: pull.number,
  title: pull.title,
  body: pull.body,
  state: pull.state,
  merged: Boolean(pull.merged_at),
  draft: pull.draft,
  head: pull.head.ref,
  base: pull.base.ref,
}));
console.log(JSON.stringify({ issues, pulls }));
