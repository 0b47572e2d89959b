// usage: play.mjs URL SCENARIO: has fixtures.mjs at URL play a scenario, and prints where.
const [url, scenario] = process.argv.slice(2);
const answer = await fetch(`${url}/fixtures`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ scenario }),
});
console.log((await answer.json()).url);
