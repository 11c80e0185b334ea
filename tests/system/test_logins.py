#!/usr/bin/env python3
"""Browsers' logins, as a browser, another site's page and a thief would use them; and the files
of the page."""
import gzip
import http.client
import json
import os
import re
import subprocess
import tempfile
import unittest

from cloud_case import CloudCase, read

INDEX = b'<!doctype html><script type="module" src="web/0123/app.js"></script>'
SCRIPT = b"export const answer = 42;\n" * 40


def make_page(folder):
    os.makedirs(f"{folder}/web/0123")
    for name, content in (("index.html", INDEX), ("web/0123/app.js", SCRIPT)):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
    with open(f"{folder}/web/0123/app.js.gz", "wb") as file:
        file.write(gzip.compress(SCRIPT))
    return folder


class LoginCase(CloudCase):
    """A subclass says at which port its page is."""
    clusters = {"north": ["host-1"]}
    page = ""  # its name in the cloud's ports

    @classmethod
    def setUpClass(cls):
        folder = {"web_folder": make_page(cls.page_folder())}
        cls.options = {"driver": "test", "api": folder, "owner": folder}
        super().setUpClass()
        cls.port = cls.cloud.ports[cls.page]
        cls.here = f"http://127.0.0.1:{cls.port}"

    @classmethod
    def page_folder(cls):
        folder = tempfile.TemporaryDirectory(prefix="isthmus-page-")
        cls.addClassCleanup(folder.cleanup)
        return f"{folder.name}/page"

    def send(self, method, path, body=None, **headers):
        """As a browser of this page does, unless the headers say otherwise; None: without it."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(link.close)
        head = {"Sec-Fetch-Site": "same-origin", "Origin": self.here}
        if body is not None:
            head["Content-Type"] = "application/json"
        head.update({name.replace("_", "-"): value for name, value in headers.items()})
        link.request(method, path, body=None if body is None else json.dumps(body),
                     headers={name: value for name, value in head.items() if value is not None})
        answer = link.getresponse()
        answer.out = answer.read()
        return answer

    def status(self, cookie, path="/v1/whoami", method="GET", **headers):
        return self.send(method, path, Cookie=cookie, **headers).status


class Logins(LoginCase):
    page = "upstream"

    def ticket(self, token=None):
        answer = self.ask("POST", "/v1/tickets", token=token or self.token)
        self.assertEqual(answer.status, 200, answer.out)
        return answer.json()["ticket"]

    def let_in(self, token=None):
        """A cookie, as it is sent back."""
        answer = self.send("POST", "/v1/logins", {"ticket": self.ticket(token)})
        self.assertEqual(answer.status, 200, answer.out)
        return answer.headers["Set-Cookie"].split(";")[0]

    # how one is let in

    def test_the_command_prints_a_link_that_is_good_once(self):
        link = self.cloud.cli("web", token_file=self.token_file).out.strip()
        self.assertRegex(link, f"^{re.escape(self.here)}/#ticket=[A-Za-z0-9_-]{{43}}$")
        ticket = link.partition("=")[2]
        answer = self.send("POST", "/v1/logins", {"ticket": ticket})
        self.assertEqual((answer.status, json.loads(answer.out)),
                         (200, self.ask("GET", "/v1/whoami").json()))
        self.assertRegex(answer.headers["Set-Cookie"],
                         "^__Host-isthmus=[A-Za-z0-9_-]{43}; Path=/; Secure; HttpOnly; "
                         "SameSite=Strict$")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        again = self.send("POST", "/v1/logins", {"ticket": ticket})
        self.assertEqual((again.status, again.headers["Set-Cookie"]), (401, None))
        self.assertIn("used already", json.loads(again.out)["detail"])

    def test_a_token_lets_one_in_too_and_a_wrong_one_does_not(self):
        right = self.send("POST", "/v1/logins", {}, Authorization=f"Bearer {self.token}")
        self.assertEqual(right.status, 200)
        for headers in ({"Authorization": "Bearer wrong"}, {}):
            wrong = self.send("POST", "/v1/logins", {}, **headers)
            self.assertEqual((wrong.status, wrong.headers["Set-Cookie"]), (401, None))
        self.assertEqual(self.send("POST", "/v1/logins", {"ticket": "x" * 43}).status, 401)
        self.assertEqual(self.send("POST", "/v1/tickets").status, 401)

    def test_no_secret_stands_in_a_log(self):
        ticket = self.ticket()
        answer = self.send("POST", "/v1/logins", {"ticket": ticket})
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.assertEqual(self.status(cookie), 200)
        log = read(self.cloud.upstream.log_file)
        self.assertNotIn(ticket, log)
        self.assertNotIn(cookie.partition("=")[2], log)

    # what a login is

    def test_a_login_may_what_its_token_may_and_no_more(self):
        cookie = self.let_in()
        self.assertEqual(self.status(cookie, "/v1/vms"), 200)
        self.assertEqual(self.status(cookie, "/v1/tenants"), 403)
        self.assertEqual(self.status(cookie, "/v1/tickets", "POST"), 403)
        operator = read(self.cloud.environment()["ISTHMUS_TOKEN_FILE"]).strip()
        self.assertEqual(self.status(self.let_in(operator), "/v1/tenants"), 200)

    def test_a_login_ends_when_it_logs_out_and_its_streams_with_it(self):
        cookie, other = self.let_in(), self.let_in()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(link.close)
        link.request("GET", "/v1/events", headers={"Cookie": cookie})
        stream = link.getresponse()
        self.assertEqual(stream.status, 200)
        self.assertIn(b"bookmark", stream.readline())
        ended = self.send("DELETE", "/v1/logins", Cookie=cookie)
        self.assertEqual(ended.status, 204)
        self.assertIn("Max-Age=0", ended.headers["Set-Cookie"])
        stream.read()  # to its end
        self.assertEqual(self.status(cookie), 401)
        self.assertEqual(self.status(other), 200)

    def test_a_login_ends_with_its_token(self):
        token = read(self.cloud.tenant("gone")).strip()
        cookie, ticket = self.let_in(token), self.ticket(token)
        self.assertEqual(self.status(cookie), 200)
        self.cloud.cli("tenant", "delete", "gone")
        self.assertEqual(self.status(cookie), 401)
        self.assertEqual(self.send("POST", "/v1/logins", {"ticket": ticket}).status, 401)

    def test_a_login_ends_with_one_of_several_tokens_and_may_what_that_may(self):
        made = self.ask("POST", "/v1/access-tokens", {"name": "phone", "rights": "look"}).json()
        cookie, other = self.let_in(made["token"]), self.let_in()
        self.assertEqual(self.status(cookie, "/v1/vms"), 200)
        self.assertEqual(self.status(cookie, "/v1/vms/x/stop", "POST"), 403)
        self.assertEqual(self.ask("DELETE", "/v1/access-tokens/phone").status, 204)
        self.assertEqual((self.status(cookie), self.status(other)), (401, 200))

    def test_a_token_has_so_many_logins_and_the_one_that_rests_gives_way(self):
        token = read(self.cloud.tenant("many")).strip()
        first, second = self.let_in(token), self.let_in(token)
        for _ in range(30):
            self.let_in(token)
        self.assertEqual(self.status(first), 200)  # used: it is the newest now
        self.let_in(token)
        self.assertEqual((self.status(first), self.status(second)), (200, 401))

    def test_a_restart_ends_logins(self):
        cookie = self.let_in()
        self.cloud.upstream.stop()
        self.cloud.upstream.start()
        self.assertEqual(self.status(cookie), 401)
        self.cloud.await_capacity()

    # what another site, or a thief, can do

    def test_another_sites_page_can_do_nothing(self):
        cookie = self.let_in()
        strange = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none")]
        strange += [{"Sec-Fetch-Site": None, "Origin": origin} for origin in
                    ("https://evil.example", f"http://127.0.0.1:{self.port + 1}", "null",
                     f"{self.here}.evil.example", None)]
        for headers in strange:
            with self.subTest(headers=headers):
                headers = {name.replace("-", "_"): value for name, value in headers.items()}
                for method, path in (("POST", "/v1/vms/x/stop"), ("DELETE", "/v1/vms/x"),
                                     ("DELETE", "/v1/logins"), ("PUT", "/v1/vms/x/title")):
                    self.assertEqual(self.status(cookie, path, method, **headers), 403)
                login = self.send("POST", "/v1/logins", {"ticket": self.ticket()}, **headers)
                self.assertEqual((login.status, login.headers["Set-Cookie"]), (403, None))
        for site in ("cross-site", "same-site"):
            self.assertEqual(self.status(cookie, Sec_Fetch_Site=site), 403)
        self.assertEqual(self.status(cookie, "/v1/vms/x/stop", "POST"), 404)  # our own page's
        self.assertEqual(self.status(cookie, "/v1/vms/x/stop", "POST", Sec_Fetch_Site=None), 404)
        self.assertEqual(self.status(cookie), 200)

    def test_no_other_origin_is_let_read(self):
        answer = self.send("OPTIONS", "/v1/vms", Origin="https://evil.example",
                           Access_Control_Request_Method="POST")
        self.assertEqual(answer.status, 405)
        for method, path in (("GET", "/v1/vms"), ("GET", "/"), ("OPTIONS", "/v1/vms")):
            told = self.send(method, path, Origin="https://evil.example")
            self.assertEqual([name for name in told.headers if
                              name.lower().startswith("access-control")], [])

    def test_a_guessed_or_cut_cookie_is_nobody(self):
        cookie = self.let_in()
        name, secret = cookie.split("=", 1)
        for wrong in ("", secret[:-1], f"{secret}x", secret[::-1], "a" * 43, "\xff"):
            self.assertEqual(self.status(f"{name}={wrong}"), 401, wrong)
        for wrong in (f"isthmus={secret}", f"x{name}={secret}", f"{name}x={secret}", secret, "=;"):
            self.assertEqual(self.status(wrong), 401, wrong)
        self.assertEqual(self.status(f"theme=dark; {cookie}; more=1"), 200)

    def test_a_ticket_is_for_two_minutes_by_its_word(self):
        self.assertEqual(self.ask("POST", "/v1/tickets").json()["valid_seconds"], 120)

    # the page's files

    def test_the_page_comes_with_what_a_browser_holds_against_it(self):
        for path in ("/", "/web/0123/app.js"):
            answer = self.send("GET", path)
            self.assertEqual(answer.status, 200)
            policy = answer.headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'; script-src 'self'; style-src 'self'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(self.send("GET", "/v1/health").headers["X-Content-Type-Options"],
                         "nosniff")

    def test_files_are_kept_packed_and_not_sent_twice(self):
        index, script = self.send("GET", "/"), self.send("GET", "/web/0123/app.js")
        self.assertEqual((index.out, index.headers["Cache-Control"]), (INDEX, "no-cache"))
        self.assertEqual((script.out, script.headers["Cache-Control"]),
                         (SCRIPT, "max-age=31536000, immutable"))
        packed = self.send("GET", "/web/0123/app.js", Accept_Encoding="br, gzip")
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.out), SCRIPT)
        known = self.send("GET", "/", If_None_Match=index.headers["ETag"])
        self.assertEqual((known.status, known.out), (304, b""))
        head = self.send("HEAD", "/web/0123/app.js")
        self.assertEqual((head.status, head.headers["Content-Length"]), (200, str(len(SCRIPT))))

    def test_nothing_else_is_served(self):
        for path in ("/web", "/web/0123/", "/web/0123/app.js.gz", "/index.html",
                     "/../upstream.conf", "/web/0123/../../../upstream.conf", "/web/%2e%2e/x",
                     "//"):
            self.assertEqual(self.send("GET", path).status, 404, path)
        self.assertEqual(self.send("POST", "/").status, 404)


class OwnersLogins(LoginCase):
    """A cluster's page: who may open the owner's socket lets a browser in, and nobody else."""
    page = "north-page"

    def ticket(self):
        link = self.owner("web").out.strip()
        self.assertRegex(link, f"^{re.escape(self.here)}/#ticket=[A-Za-z0-9_-]{{43}}$")
        return link.partition("=")[2]

    def let_in(self):
        answer = self.send("POST", "/v1/logins", {"ticket": self.ticket()})
        self.assertEqual((answer.status, json.loads(answer.out)),
                         (200, {"role": "owner", "rights": "all"}))
        return answer.headers["Set-Cookie"].split(";")[0]

    def test_the_command_prints_a_link_that_is_good_once_and_may_all(self):
        cookie = self.let_in()
        self.assertRegex(cookie, "^__Host-isthmus-owner=")
        self.assertEqual(self.status(cookie, "/v1/hosts"), 200)
        self.assertEqual(self.status(cookie, "/v1/hosts/host-1/cordon", "POST"), 200)
        self.assertIn("cordoned_ms", self.owner_json("host", "show", "host-1"))
        self.assertEqual(self.status(cookie, "/v1/hosts/host-1/uncordon", "POST"), 200)
        rows = self.owner_json("audit")["items"]
        cordons = [row["from"] for row in rows if row["what"] == "host-cordon"]
        self.assertEqual(cordons, ["127.0.0.1"])  # of a page; the socket has no address
        ticket = self.ticket()
        for status in (200, 401):
            self.assertEqual(self.send("POST", "/v1/logins", {"ticket": ticket}).status, status)

    def test_whoever_has_not_logged_in_gets_the_page_and_nothing_else(self):
        self.assertEqual(self.send("GET", "/").status, 200)
        document = self.cloud.owner("north", "api", "GET", "/v1/openapi.json").out
        routes = [(method.upper(), path) for path, methods in json.loads(document)["paths"].items()
                  for method in methods]
        self.assertGreater(len(routes), 40)
        for method, path in routes:
            with self.subTest(route=(method, path)):
                wanted = 204 if (method, path) == ("DELETE", "/v1/logins") else 401
                told = self.send(method, re.sub("{.*}", "host-1", path), {})
                self.assertEqual(told.status, wanted, told.out)
                self.assertNotIn(b"north", told.out)
        self.assertNotIn("cordoned_ms", self.owner_json("host", "show", "host-1"))

    def test_no_token_of_the_cloud_is_worth_anything(self):
        operator = read(self.cloud.environment()["ISTHMUS_TOKEN_FILE"]).strip()
        images = read(f"{self.cloud.downstreams['north'].folder}/agents-images.token").strip()
        for token in (self.token, operator, images):
            for path in ("/v1/whoami", "/v1/hosts", "/v1/metrics", "/v1/events", "/v1/health"):
                told = self.send("GET", path, Authorization=f"Bearer {token}")
                self.assertEqual(told.status, 401, path)
            login = self.send("POST", "/v1/logins", {}, Authorization=f"Bearer {token}")
            self.assertEqual((login.status, login.headers["Set-Cookie"]), (401, None))
            drain = self.send("POST", "/v1/tickets", Authorization=f"Bearer {token}")
            self.assertEqual(drain.status, 401)

    def test_a_login_at_one_page_is_nobody_at_the_other(self):
        cookie = self.let_in()
        secret = cookie.partition("=")[2]
        for name in ("__Host-isthmus-owner", "__Host-isthmus"):
            told = self.ask("GET", "/v1/whoami", headers={
                "Authorization": "", "Cookie": f"{name}={secret}", "Sec-Fetch-Site": "same-origin"})
            self.assertEqual(told.status, 401)
        ticket = self.ask("POST", "/v1/tickets").json()["ticket"]
        self.assertEqual(self.send("POST", "/v1/logins", {"ticket": ticket}).status, 401)
        self.assertEqual(self.status(f"__Host-isthmus={secret}"), 401)
        self.assertEqual(self.status(cookie), 200)

    def test_a_browser_cannot_draw_a_ticket_and_another_sites_page_does_nothing(self):
        cookie = self.let_in()
        self.assertEqual(self.status(cookie, "/v1/tickets", "POST"), 403)
        for headers in ({"Sec_Fetch_Site": "cross-site"},
                        {"Sec_Fetch_Site": None, "Origin": "https://evil.example"}):
            for method, path in (("POST", "/v1/hosts/host-1/drain"), ("DELETE", "/v1/logins"),
                                 ("DELETE", "/v1/keys/host-1")):
                self.assertEqual(self.status(cookie, path, method, **headers), 403)
            login = self.send("POST", "/v1/logins", {"ticket": self.ticket()}, **headers)
            self.assertEqual((login.status, login.headers["Set-Cookie"]), (403, None))
        self.assertEqual(self.status(cookie), 200)

    def test_a_login_ends_when_it_logs_out_and_when_the_manager_starts_anew(self):
        cookie, other = self.let_in(), self.let_in()
        self.assertEqual(self.send("DELETE", "/v1/logins", Cookie=cookie).status, 204)
        self.assertEqual((self.status(cookie), self.status(other)), (401, 200))
        manager = self.cloud.downstreams["north"]
        manager.stop()
        manager.start()
        self.assertEqual(self.status(other), 401)
        self.cloud.await_capacity()

    def test_no_secret_stands_in_a_log(self):
        ticket = self.ticket()
        answer = self.send("POST", "/v1/logins", {"ticket": ticket})
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.assertEqual(self.status(cookie), 200)
        log = read(self.cloud.downstreams["north"].log_file)
        self.assertNotIn(ticket, log)
        self.assertNotIn(cookie.partition("=")[2], log)


class WithoutPage(CloudCase):
    clusters = {"north": ["host-1"]}
    options = {"driver": "test"}

    def test_a_manager_without_a_page_says_so(self):
        if os.path.exists("/usr/local/share/isthmus/web"):
            self.skipTest("a page is installed on this machine")
        answer = self.ask("GET", "/")
        self.assertEqual((answer.status, answer.json()["detail"]),
                         (404, "This manager has no page"))
        told = self.cloud.cli("web", token_file=self.token_file, check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("This manager has no page", told.err)
        told = self.owner("web", check=False)
        self.assertEqual(told.code, 1)
        self.assertIn("This manager has no page", told.err)

    def test_what_is_said_of_an_owners_page_is_said_of_one_that_is_served(self):
        manager, port = self.cloud.downstreams["north"], self.cloud.ports["north"]
        path = f"{self.folder.name}/owner.conf"
        config = (read(manager.config).replace(manager.state, f"{path}.state")
                  .replace(f"127.0.0.1:{port}", "127.0.0.1:0"))
        for said, remedy in (("url = https://north.example", "[owner] lacks listen"),
                             ("listen = 127.0.0.1:0\nweb_folder = /nowhere", "read the page in")):
            with open(path, "w") as file:
                file.write(f"{config}\n[owner]\n{said}\n")
            done = subprocess.run([f"{self.build}/src/main/isthmus-downstream", "--config", path],
                                  text=True, capture_output=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(remedy, done.stderr)

    def test_a_folder_that_is_no_page_is_refused_at_the_start(self):
        config = read(self.cloud.upstream.config)
        for content, said in (({}, "it has no index.html"),
                              ({"secret.conf": b"x"}, "is this the folder of the page?")):
            folder = f"{self.folder.name}/no-page-{len(content)}"
            os.makedirs(folder)
            for name, text in content.items():
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(text)
            path = f"{self.folder.name}/bad.conf"
            with open(path, "w") as file:
                file.write(config.replace("[api]\n", f"[api]\nweb_folder = {folder}\n")
                           .replace(self.cloud.upstream.state, f"{self.folder.name}/bad-state"))
            os.makedirs(f"{self.folder.name}/bad-state", exist_ok=True)
            done = subprocess.run([f"{self.build}/src/main/isthmus-upstream", "--config", path],
                                  text=True, capture_output=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
