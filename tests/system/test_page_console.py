#!/usr/bin/env python3
"""A VM's console in the page: a real browser types into a real guest."""
import subprocess
import unittest

from cloud_case import BOOT_SECONDS, guest_image, wait_until
from page_case import PAGE, PageCase


class PageConsole(PageCase):
    clusters = {"north": ["zebra"]}
    options = {"driver": "qemu", "streams": True, "api": {"web_folder": PAGE},
               "owner": {"web_folder": PAGE}}

    def setUp(self):
        super().setUp()
        self.import_image("tiny", guest_image())
        made = self.create(image="tiny", shape="small", wait=60)
        self.assertEqual(made["code"], "ok", made)
        wait_until(lambda: "ISTHMUS-GUEST ready" in self.vm("log", "web", check=False).out,
                   "the guest is up", BOOT_SECONDS)

    def join(self):
        """Whoever had it before may still be leaving it."""
        def is_open():
            if self.browser.shows(text="Reconnect"):
                self.browser.click(name="Reconnect")
            return self.browser.shows(text="open")
        wait_until(is_open, "the console is joined", 120)

    def say(self, line, answer):
        self.browser.type(text=line)
        self.browser.press(key="Enter")
        self.browser.text(text=answer)

    def test_a_console_is_typed_into_until_it_ends(self):
        self.log_in()
        self.browser.click(role="link", name="web")
        self.assertEqual([each for each in self.browser.load() if "xterm" in each["url"]], [],
                         "what nobody opened was not loaded")
        self.open_where_others_are_open()
        self.say("echo $((6*7))-is-it", "42-is-it")
        self.say("printf '\\033[38;2;200;40;40mred-%s\\033[0m\\n' $((1+1))", "red-2")
        self.assert_looks_right("console")
        self.be_busy()
        self.leave_by_keyboard()
        self.cut_by_the_owner()
        self.stop_the_vm()
        self.end_with_the_login()

    def open_where_others_are_open(self):
        """A browser has few connections, which its tabs share."""
        self.browser.eval(script="""window.leave = []; for (const place of [1, 2, 3])
            navigator.locks.request(`isthmus-stream-${place}`,
                () => new Promise((done) => window.leave.push(done))); null""")
        self.browser.click(name="Open console")
        self.browser.text(text="3 consoles and screens are open in this browser.")
        self.browser.eval(script="window.leave.forEach((done) => done())")
        self.join()

    def be_busy(self):
        """One person types, whichever way they came."""
        self.assertIn("somebody has it", self.vm("console", "web", check=False).err)
        self.browser.click(name="Close console")
        self.browser.see(role="button", name="Open console")
        other = []

        def holds():
            other[:] = [subprocess.Popen(
                [f"{self.cloud.build}/src/cli/isthmus", "vm", "console", "web"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=self.cloud.environment(self.token_file))]
            other[0].stdin.write(b"echo $((6*8))-held\n")
            other[0].stdin.flush()
            said = b""
            while b"48-held" not in said:
                piece = other[0].stdout.read1(4096)
                if not piece:
                    other[0].communicate()
                    return False
                said += piece
            return True
        wait_until(holds, "the command has the console", 120)
        self.browser.click(name="Open console")
        self.browser.text(text="somebody has it already")
        self.browser.look(name="console-busy")
        other[0].kill()
        other[0].communicate()
        self.join()
        self.say("echo $((6*9))-freed", "54-freed")

    def leave_by_keyboard(self):
        self.browser.press(key="Control+]")
        self.assertEqual(self.browser.focus(), "Close console")
        self.browser.press(key="Enter")
        wait_until(lambda: self.browser.focus() == "Open console", "the keyboard is where it was")
        self.browser.press(key="Enter")  # at once: it is still ours for a moment
        self.browser.text(text="open", exact=True)
        self.say("echo $((7*7))-by-keys", "49-by-keys")

    def cut_by_the_owner(self):
        listed = [row for row in self.owner_json("stream", "list")["items"]
                  if row["state"] == "joined"]
        self.assertEqual([(row["host"], row["upstream"]) for row in listed], [("zebra", "cloud")])
        self.browser.tab(url=self.owner("web").out.strip())
        self.browser.click(role="link", name="Open consoles")
        self.browser.row(name="console", text="joined")
        self.assert_looks_right("streams")
        self.browser.click(name=f"Cut {listed[0]['id']}")
        self.browser.text(text="may ask for another one")
        self.browser.eval(script="document.querySelector('dialog .danger').click()")
        self.browser.text(text="None is open.")
        self.browser.nth(at=0)
        self.browser.text(text="its cluster's owner may have ended it")
        self.assertIn("stream-cut", self.owner("audit").out)
        self.join()

    def stop_the_vm(self):
        self.act("web", "stop")
        self.browser.text(text="The console has ended: the VM is stopped.")
        self.assert_looks_right("console-ended")
        self.browser.click(name="Reconnect")
        self.browser.text(text="the VM does not run")
        self.act("web", "start")
        self.join()
        wait_until(lambda: self.vm("log", "web").out.count("ISTHMUS-GUEST ready") == 2,
                   "the guest is up again", BOOT_SECONDS)
        self.say("echo $((7*8))-again", "56-again")

    def end_with_the_login(self):
        token = self.ask("POST", "/v1/access-tokens", {"name": "lent", "rights": "act"}).json()
        self.browser.open(url=self.url)
        self.browser.fill(label="Token", value=token["token"])
        self.browser.click(name="Log in")
        self.browser.click(role="link", name="web")
        self.browser.click(name="Open console")
        self.join()
        self.say("echo $((8*8))-lent", "64-lent")
        self.ask("DELETE", "/v1/access-tokens/lent")
        self.browser.see(role="heading", name="Isthmus")
        self.browser.gone(text="64-lent")
        rows = self.cloud.cli("audit", "--limit", "20", token_file=self.token_file).out
        self.assertIn("stream-end", rows)


if __name__ == "__main__":
    unittest.main(verbosity=2)
