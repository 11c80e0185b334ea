#!/usr/bin/env python3
"""A VM's screen in the page: a real browser shows it, and types into a real guest."""
import unittest

from cloud_case import BOOT_SECONDS, wait_until
from page_case import PAGE, PageCase
from stream_case import StreamCase

# A number for what is seen, and how many colours that has.
PICTURE = """(() => {
    const canvas = document.querySelector(".screen canvas");
    if (!canvas || !canvas.width)
        return [0, 0];
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = new Uint32Array(data.buffer);
    return [pixels.reduce((sum, pixel) => (sum * 31 + pixel) % 1000003, 7), new Set(pixels).size];
})()"""


class PageScreen(PageCase, StreamCase):
    clusters = {"north": ["zebra"]}
    options = {"driver": "qemu", "streams": True, "api": {"web_folder": PAGE}}

    def setUp(self):
        super().setUp()
        self.run_guest()
        self.join_console()

    def test_a_screen_is_shown_and_typed_into_until_it_ends(self):
        self.log_in()
        self.browser.click(role="link", name="web")
        self.browser.see(role="button", name="Open screen")
        self.assertEqual([each for each in self.browser.load() if "novnc" in each["url"]], [],
                         "what nobody opened was not loaded")
        self.browser.click(name="Open screen")
        self.browser.text(text="open", exact=True)
        self.see()
        self.type()
        self.assert_looks_right("screen")
        self.press_the_three_keys()
        self.leave_by_keyboard()
        self.forbid()

    def picture(self):
        return self.browser.eval(script=PICTURE)

    def see(self):
        wait_until(lambda: self.picture()[1] > 1, "a screen with something on it", 60)
        before = self.picture()
        self.shell("echo a-line-of-the-guests >/dev/tty1; echo $((6*7))-shown", "42-shown")
        wait_until(lambda: self.picture()[0] != before[0], "what the guest has written", 60)

    def type(self):
        self.shell("exec 4</dev/tty1; echo $((6*7+1))-reads", "43-reads")
        self.browser.type(text="typed here")
        self.browser.press(key="Enter")
        self.shell("echo it-was-$(head -n 1 <&4)", "it-was-typed here")

    def leave_by_keyboard(self):
        self.browser.press(key="Control+]")
        self.assertEqual(self.browser.focus(), "Close screen")
        self.browser.press(key="Enter")
        wait_until(lambda: self.browser.focus() == "Open screen", "the keyboard is where it was")
        self.browser.press(key="Enter")
        wait_until(lambda: self.browser.focus() == "Screen of web", "the guest has the keyboard")
        self.shell("exec 4</dev/tty1; echo $((6*7+2))-reads", "44-reads")
        self.browser.type(text="again")
        self.browser.press(key="Enter")
        self.shell("echo it-was-$(head -n 1 <&4)", "it-was-again")

    def press_the_three_keys(self):
        """The guest boots anew by them, and the screen stays. This comes first, since QEMU lets go
        of all keys, also those that others hold, when a viewer leaves."""
        self.shell("echo 1 >/proc/sys/kernel/ctrl-alt-del; echo $((6*8))-armed", "48-armed")
        self.browser.click(name="Send Ctrl+Alt+Del")
        wait_until(lambda: self.vm("log", "web").out.count("ISTHMUS-GUEST ready") == 2,
                   "the guest is up again", BOOT_SECONDS)
        self.assertTrue(self.browser.shows(text="open"))
        wait_until(lambda: self.picture()[1] > 1, "a screen with something on it", 60)

    def forbid(self):
        self.owner("permission", "set", "cloud", "--views", "console")
        self.browser.text(text="The screen has ended.")
        self.assert_looks_right("screen-ended")
        self.browser.click(name="Reconnect")
        self.browser.text(text="its cluster's owner does not let screens be seen")
        self.owner("permission", "reset", "cloud")
        self.browser.click(name="Reconnect")
        self.browser.text(text="open", exact=True)
        wait_until(lambda: self.picture()[1] > 1, "a screen with something on it", 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
