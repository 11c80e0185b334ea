"""An OpenID provider, as good or as bad as a test has it. Who comes to log in is let in at once."""
import base64
import hashlib
import http.server
import json
import os
import secrets
import ssl
import threading
import time
import urllib.parse

from cloud import write
from prosody import make_authority, make_certificate, openssl

CLIENT, SECRET = "isthmus-test", "the client's secret"


def encode(content):
    content = json.dumps(content).encode() if isinstance(content, dict) else content
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Key:
    """To sign with: RS256 or ES256."""

    def __init__(self, folder, name, kind="RSA"):
        self.file, self.name, self.kind = f"{folder}/{name}.pem", name, kind
        how = ["ec_paramgen_curve:P-256"] if kind == "EC" else ["rsa_keygen_bits:2048"]
        openssl("genpkey", "-algorithm", kind, "-pkeyopt", *how, "-out", self.file)
        openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER", "-out",
                f"{self.file}.der")
        with open(f"{self.file}.der", "rb") as file:
            self.der = file.read()
        self.algorithm = "ES256" if kind == "EC" else "RS256"

    def public(self):
        whole = {"kid": self.name, "use": "sig", "kty": self.kind}
        if self.kind == "EC":
            return {**whole, "crv": "P-256", "x": encode(self.der[-64:-32]),
                    "y": encode(self.der[-32:])}
        at = self.der.index(b"\x02\x82\x01\x01\x00") + 5  # the modulus, an integer of 257 bytes
        return {**whole, "n": encode(self.der[at:at + 256]), "e": "AQAB"}

    def sign(self, text):
        with open(f"{self.file}.text", "w") as file:
            file.write(text)
        openssl("dgst", "-sha256", "-sign", self.file, "-out", f"{self.file}.sig",
                f"{self.file}.text")
        with open(f"{self.file}.sig", "rb") as file:
            signature = file.read()
        if self.kind == "RSA":
            return signature
        first = signature[4:4 + signature[3]]  # two integers, of DER
        second = signature[6 + signature[3]:]
        return b"".join(part.lstrip(b"\0").rjust(32, b"\0") for part in (first, second))


class Provider:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        make_authority(folder)
        make_certificate(folder, "localhost")
        self.folder, self.ca_file = folder, f"{folder}/ca.crt"
        self.keys = [Key(folder, "first")]
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.answer(self, urllib.parse.urlsplit(self.path), None)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                provider.answer(self, urllib.parse.urlsplit(self.path),
                                dict(urllib.parse.parse_qsl(self.rfile.read(length).decode())))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # whoever asked has gone
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        self.reset()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def section(self, url, name):
        """A manager's [oidc], by which it sends its browsers here; `url` is where they find it."""
        secret = f"{self.folder}/client.secret"
        write(secret, f"{SECRET}\n")
        os.chmod(secret, 0o600)
        return {"issuer": self.url, "client": CLIENT, "client_secret_file": secret, "url": url,
                "ca_file": self.ca_file, "name": name}

    def reset(self):
        self.who = {"sub": "alice-7f3a", "email": "alice@example.org", "email_verified": True}
        self.claims, self.head = {}, {}  # in place of what is right
        self.make = self.token           # of claims, an ID token
        self.published = {}
        self.is_down, self.back = False, None
        self.attempts, self.asked = {}, []

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def token(self, claims):
        key = self.keys[-1]
        head = {"alg": key.algorithm, "kid": key.name, "typ": "JWT", **self.head}
        text = f"{encode(head)}.{encode(claims)}"
        return f"{text}.{encode(key.sign(text))}"

    def answer(self, to, url, form):
        self.asked.append(url.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if self.is_down:
            self.send(to, 503, {"error": "down"})
        elif url.path == "/.well-known/openid-configuration":
            self.send(to, 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys",
                                "authorization_endpoint": f"{self.url}/authorize",
                                "token_endpoint": f"{self.url}/token", "more": [1],
                                **self.published})
        elif url.path == "/keys":
            self.send(to, 200, {"keys": [key.public() for key in self.keys]})
        elif url.path == "/authorize":
            self.authorize(to, query)
        elif url.path == "/token":
            self.exchange(to, form)
        else:
            self.send(to, 404, {})

    def authorize(self, to, query):
        code = secrets.token_urlsafe()
        self.attempts[code] = query
        back = self.back or query["redirect_uri"]
        to.send_response(302)
        to.send_header("Location", f"{back}?code={code}&state={query['state']}")
        to.send_header("Content-Length", "0")
        to.end_headers()

    def exchange(self, to, form):
        begun = self.attempts.pop(form.get("code"), None)  # a code is good once
        proof = encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_right = begun and (form["grant_type"], form["client_id"], form["client_secret"],
                              form["redirect_uri"], proof) == (
            "authorization_code", CLIENT, SECRET, begun["redirect_uri"], begun["code_challenge"])
        if not is_right:
            self.send(to, 400, {"error": "invalid_grant"})
            return
        claims = {"iss": self.url, "aud": CLIENT, "nonce": begun["nonce"],
                  "iat": int(time.time()), "exp": int(time.time()) + 300, **self.who,
                  **self.claims}
        self.send(to, 200, {"access_token": "unused", "token_type": "Bearer",
                            "id_token": self.make(claims)})

    @staticmethod
    def send(to, status, content):
        body = json.dumps(content).encode()
        to.send_response(status)
        to.send_header("Content-Type", "application/json")
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)
