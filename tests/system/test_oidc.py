#!/usr/bin/env python3
"""Browsers that log in by an OpenID provider: one that is good, one that lies, one that is down."""
import hashlib
import hmac
import http.client
import json
import ssl
import tempfile
import unittest
import urllib.parse

from cloud_case import CloudCase, read
from oidc_provider import CLIENT, SECRET, Key, Provider, encode

HERE = "https://cloud.example"


class Oidc(CloudCase):
    clusters = {"north": ["host-1"]}

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="isthmus-"))
        cls.provider = Provider(f"{folder}/provider")
        cls.addClassCleanup(cls.provider.close)
        cls.options = {"driver": "test", "oidc": cls.provider.section(HERE, "the \"Company\"")}
        super().setUpClass()
        cls.port = cls.cloud.ports["upstream"]

    def setUp(self):
        self.addCleanup(self.provider.reset)

    def get(self, path, cookie="", **headers):
        """As a browser that comes from another site."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(link.close)
        link.request("GET", path, headers={"Cookie": cookie, "Sec-Fetch-Site": "cross-site",
                                           **headers})
        answer = link.getresponse()
        answer.out = answer.read()
        return answer

    def at_provider(self, url):
        """The browser is there: where it is sent back to."""
        there = urllib.parse.urlsplit(url)
        self.assertEqual(f"https://{there.netloc}", self.provider.url)
        link = http.client.HTTPSConnection(there.netloc, timeout=60,
                                           context=self.trusting())
        self.addCleanup(link.close)
        link.request("GET", f"{there.path}?{there.query}")
        answer = link.getresponse()
        answer.read()
        return answer.headers["Location"]

    def trusting(self):
        return ssl.create_default_context(cafile=self.provider.ca_file)

    def begin(self):
        """The browser's cookie, and the path by which it comes back."""
        answer = self.get("/login")
        self.assertEqual(answer.status, 303, answer.out)
        back = self.at_provider(answer.headers["Location"])
        self.assertEqual(back[:len(HERE)], HERE)
        return answer.headers["Set-Cookie"].split(";")[0], back[len(HERE):]

    def finish(self):
        cookie, back = self.begin()
        return self.get(back, cookie)

    def log_in(self):
        """The cookie of the login."""
        answer = self.finish()
        self.assertEqual(answer.status, 303, answer.out)
        where = answer.headers["Location"]
        self.assertEqual(where[:9], "/#ticket=")
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(link.close)
        link.request("POST", "/v1/logins", json.dumps({"ticket": where[9:]}),
                     {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"})
        answer = link.getresponse()
        self.assertEqual(answer.status, 200, answer.read())
        return answer.headers["Set-Cookie"].split(";")[0]

    def grant(self, identity="alice-7f3a", name="alice", rights="act", tenant="acme"):
        answer = self.ask("POST", "/v1/access-tokens", {
            "name": name, "rights": rights, "identity": identity,
            **({"tenant": tenant} if tenant else {})}, token=self.operator)
        self.assertEqual(answer.status, 201, answer.out)
        self.assertNotIn("token", answer.json())
        self.addCleanup(self.ask, "DELETE", f"/v1/access-tokens/{answer.json()['id']}",
                        token=self.operator)
        return answer.json()["id"]

    def whoami(self, cookie):
        answer = self.get("/v1/whoami", cookie, **{"Sec-Fetch-Site": "same-origin"})
        return answer.status, json.loads(answer.out)

    def test_a_browser_is_let_in_until_its_access_token_ends(self):
        token = self.grant()
        begun = self.get("/login")
        asked = dict(urllib.parse.parse_qsl(
            urllib.parse.urlsplit(begun.headers["Location"]).query))
        self.assertEqual({name: asked[name] for name in (
            "response_type", "scope", "client_id", "redirect_uri", "code_challenge_method")}, {
            "response_type": "code", "scope": "openid", "client_id": CLIENT,
            "redirect_uri": f"{HERE}/login/callback", "code_challenge_method": "S256"})
        self.assertRegex(begun.headers["Set-Cookie"],
                         r"^__Host-isthmus-login=\S+; Path=/; Secure; HttpOnly; SameSite=Lax; "
                         r"Max-Age=600$")
        cookie = self.log_in()
        status, who = self.whoami(cookie)
        self.assertEqual((status, who["tenant"]), (200, "acme"))
        rows = self.ask("GET", "/v1/access-tokens").json()["items"]
        self.assertEqual([row["identity"] for row in rows if row["id"] == token], ["alice-7f3a"])
        self.cloud.cli("access-token", "revoke", token)
        self.assertEqual(self.whoami(cookie)[0], 401)
        self.assertEqual(self.finish().status, 403)

    def test_who_has_no_access_token_is_told_who_they_are(self):
        self.provider.who["sub"] = "<script>'; mallory"
        answer = self.finish()
        self.assertEqual((answer.status, answer.headers["Content-Type"]),
                         (403, "text/plain; charset=utf-8"))
        self.assertIn(b"\n    <script>'; mallory\n", answer.out)

    def test_a_login_ends_where_it_began(self):
        self.grant()
        (mine, back), (others, _) = self.begin(), self.begin()
        for cookie in ("", others, mine + "0", "__Host-isthmus-login=."):
            answer = self.get(back, cookie)
            self.assertEqual(answer.status, 403, answer.out)
        self.assertEqual(self.get(back.replace("state=", "state=x"), mine).status, 403)
        self.assertEqual(self.get("/login/callback?error=access_denied&state="
                                  + back.split("state=")[1], mine).status, 403)
        self.assertEqual(self.get(back, mine).status, 303)
        self.assertEqual(self.get(back, mine).status, 502)  # the code is used up

    def test_a_token_that_is_not_right_lets_nobody_in(self):
        self.grant()
        other = Key(self.provider.folder, "other")
        forged = Key(self.provider.folder, "forged")
        forged.name = "first"
        public = json.dumps(self.provider.keys[0].public()).encode()

        def by_secret(secret):
            def make(claims):
                text = f"{encode({'alg': 'HS256', 'kid': 'first'})}.{encode(claims)}"
                return f"{text}.{encode(hmac.digest(secret, text.encode(), hashlib.sha256))}"
            return make

        def by(key):
            def make(claims):
                text = f"{encode({'alg': 'RS256', 'kid': key.name})}.{encode(claims)}"
                return f"{text}.{encode(key.sign(text))}"
            return make

        def changed(claims):
            head, _, signature = self.provider.token(claims).split(".")
            return f"{head}.{encode({**claims, 'more': 1})}.{signature}"

        bad = [{"claims": {"iss": "https://elsewhere.example"}}, {"claims": {"aud": "another"}},
               {"claims": {"aud": [CLIENT, "another"]}},
               {"claims": {"aud": CLIENT, "azp": "another"}}, {"claims": {"nonce": "another"}},
               {"claims": {"exp": 1}}, {"claims": {"exp": "never"}}, {"claims": {"iat": 1 << 40}},
               {"claims": {"sub": ""}}, {"claims": {"sub": 7}}, {"claims": {"sub": "a\0b"}},
               {"claims": {"sub": "x" * 256}}, {"head": {"crit": ["exp"]}},
               {"head": {"alg": "none"}}, {"head": {"alg": "ES256"}},
               {"make": by_secret(SECRET.encode())}, {"make": by_secret(public)},
               {"make": by(other)}, {"make": by(forged)}, {"make": changed},
               {"make": lambda claims: f"{encode({'alg': 'none'})}.{encode(claims)}."},
               {"make": lambda claims: "no token"}, {"make": lambda claims: "x" * 20000},
               {"make": lambda claims: ["no", "text"]}]
        for one in bad:
            self.provider.reset()
            for name, value in one.items():
                setattr(self.provider, name, value)
            answer = self.finish()
            self.assertEqual(answer.status, 502, (one, answer.out))
        self.provider.reset()
        self.provider.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
        self.log_in()

    def test_new_keys_of_the_provider_are_found(self):
        self.grant()
        self.log_in()
        first = self.provider.keys
        self.addCleanup(setattr, self.provider, "keys", first)
        self.provider.keys = [*first, Key(self.provider.folder, "second", "EC")]
        self.log_in()
        self.assertEqual(self.whoami(self.log_in())[0], 200)

    def test_a_provider_that_is_down_or_another_is_told_of(self):
        answer = self.get("/login/provider")
        self.assertEqual(json.loads(answer.out), {"name": "the \"Company\""})
        cookie, back = self.begin()
        self.provider.is_down = True
        answer = self.get(back, cookie)
        self.assertEqual((answer.status, json.loads(answer.out)["code"]), (502, "forbidden"))
        self.assertNotIn(SECRET, answer.out.decode())
        self.provider.is_down = False
        self.grant()
        self.log_in()
        self.assertNotIn(SECRET, read(f"{self.cloud.folder}/log/upstream.log"))

    def test_whom_it_lets_in_the_operator_says(self):
        wish = {"name": "bob", "rights": "all", "identity": "bob"}
        answer = self.ask("POST", "/v1/access-tokens", wish)
        self.assertEqual((answer.status, answer.json()["field"]), (403, "identity"))
        self.grant("bob", "bob", "all")
        answer = self.ask("POST", "/v1/access-tokens", {**wish, "name": "bobby"},
                          token=self.operator)
        self.assertEqual((answer.status, answer.json()["field"]), (409, "identity"))
        told = self.cloud.cli("access-token", "create", "carol", "--rights", "look", "--identity",
                              "carol")
        self.assertRegex(told.out, r"^at-\S+: whoever the provider knows .* logs in at /login\n")
        self.cloud.cli("access-token", "revoke", "carol")
        self.assertIn("bob", self.cloud.cli("access-token", "list").out)


class WithoutProvider(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    def test_without_a_provider_there_are_no_such_logins(self):
        self.assertEqual(self.ask("GET", "/login").status, 404)
        answer = self.ask("GET", "/login/provider")
        self.assertEqual((answer.status, answer.json()), (200, {}))
        answer = self.ask("POST", "/v1/access-tokens", {
            "name": "bob", "rights": "all", "identity": "bob"}, token=self.operator)
        self.assertEqual((answer.status, answer.json()["field"]), (400, "identity"))


if __name__ == "__main__":
    unittest.main()
