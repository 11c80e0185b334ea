"""A webhook's server, which keeps what came, checked as Standard Webhooks say."""
import base64
import hashlib
import hmac
import http.server
import json
import threading


class Hooks:
    """`answers`: a status, or a function of the request's body that returns one; `echoes`: whether
    a challenge is sent back."""

    def __init__(self):
        self.came = []  # (webhook-id, body) of all that was taken
        self.tried = []  # of all that came
        self.secret = None
        self.faults = []
        self.status = 200
        self.echoes = True
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hooks.take(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever asked is killed: it is asked again
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        head = {name: request.headers[f"webhook-{name}"] for name in
                ("id", "timestamp", "signature")}
        event = json.loads(body)
        is_challenge = event["type"] == "challenge"
        if self.secret and not is_challenge:
            self.check(head, body)
        self.tried.append((head["id"], event))
        answer = body if is_challenge and self.echoes else b"{}"
        if self.status == 200 and not is_challenge:
            self.came.append((head["id"], event))
        request.send_response(self.status)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def check(self, head, body):
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        words = b".".join([head["id"].encode(), head["timestamp"].encode(), body])
        wanted = base64.b64encode(hmac.new(key, words, hashlib.sha256).digest()).decode()
        if head["signature"] != f"v1,{wanted}":
            self.faults.append(head)

    def notices(self):
        return [notice for _, event in list(self.came) for notice in event["data"]["notices"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
