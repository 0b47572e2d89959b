"""A tracker as the seed's script and Fanout see GitHub: answers what changes something after a delay, and counts what it
is sent.

Not a model of GitHub's rules (tests/support/github_server is one): it measures waiting and counts requests."""
import http.server
import json
import re
import threading
import time


# Those that the first run ever in a repository makes.
LABELS = ["parallel-execution", "auto-created"]


def is_write(method, path, body):
    """A question of GraphQL's is none."""
    return "mutation" in json.loads(body)["query"] if path.startswith("/graphql") else method != "GET"


class Tracker:
    def __init__(self, delay):
        self.delay = delay
        self.lock = threading.Lock()
        self.clear()
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                tracker.answer(self, "")

            def do_POST(self):
                tracker.answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            do_PATCH = do_PUT = do_DELETE = do_POST

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def clear(self):
        with self.lock:
            self.requests, self.issues, self.asked = 0, 0, []

    def environment(self):
        """For fanoutd: this is github.com."""
        return {"GH_TOKEN": "bench-token", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": self.url,
                "GITHUB_GRAPHQL_URL": self.url + "/graphql"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, body):
        now = time.time()
        status, reply = self.reply(request.command, request.path, body, now)
        if is_write(request.command, request.path, body):
            time.sleep(self.delay)
        data = json.dumps(reply).encode()
        request.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data))),
                            ("X-OAuth-Scopes", "repo"), ("X-RateLimit-Limit", "5000"),
                            ("X-RateLimit-Remaining", "4999"), ("X-RateLimit-Reset", str(int(now) + 3600))):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def make_issues(self, count, now):
        with self.lock:
            first = self.issues + 1
            self.issues += count
            self.asked += [now] * count
        return [{"number": n, "id": f"I_{n}", "node_id": f"I_{n}", "databaseId": n, "state": "open", "title": "", "body": "", "labels": {"nodes": []},
                 "url": f"https://github.com/octo/hello/issues/{n}",
                 "html_url": f"https://github.com/octo/hello/issues/{n}"} for n in range(first, first + count)]

    def reply(self, method, path, body, now):
        with self.lock:
            self.requests += 1
        if path.startswith("/graphql"):
            return 200, {"data": self.graphql(json.loads(body), now)}
        if path.startswith("/user"):
            return 200, {"login": "bench", "id": 1, "node_id": "U_1"}
        if re.fullmatch(r"/repos/octo/hello", path):
            return 200, {"name": "hello", "full_name": "octo/hello", "node_id": "R_1", "id": 1, "default_branch": "main",
                         "has_issues": True, "permissions": {"push": True, "pull": True, "triage": True, "maintain": True, "admin": False}}
        if method == "GET" and re.match(r"/repos/octo/hello/labels\b", path):
            return 200, [{"name": name, "node_id": f"LA_{name}", "id": n} for n, name in enumerate(LABELS, 1)]
        if method == "POST" and path.endswith("/issues"):
            return 201, self.make_issues(1, now)[0]
        if method == "POST":
            return 201, {"id": 1, "node_id": "X_1", "number": 1, "html_url": "https://github.com/octo/hello/x", "name": "x"}
        if method == "PATCH":
            return 200, {"id": 1, "node_id": "X_1", "number": 1, "state": "closed"}
        return 200, []

    def graphql(self, request, now):
        """Every createIssue of a batch by its alias; everything else is asked for a repository."""
        query = request.get("query", "")
        aliases = re.findall(r"(\w+)\s*:\s*createIssue\b", query)
        if aliases:
            return {alias: {"issue": issue} for alias, issue in zip(aliases, self.make_issues(len(aliases), now))}
        return {"viewer": {"login": "bench"},
                "repository": {"id": "R_1", "issues": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
                               "labels": {"nodes": []}, "viewerPermission": "WRITE"}}
