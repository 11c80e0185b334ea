#!/usr/bin/env python3
"""What is XMPP's own of the carrier (test_carrier.py holds what all kinds promise): XML, domains,
stock clients, against a real Prosody.

ISTHMUS_BUILD names the build folder; default: build."""
import resource
import unittest

from carrier_case import CarrierCase
from carrier_xmpp import Xmpp
from xmpp_client import XmppClient


class XmppCarrier(CarrierCase):
    kind = Xmpp

    def stranger(self, resource="x"):
        client = XmppClient(self.server.port, "one.test", self.server.ca_file, "stranger",
                            "secret of stranger", resource)
        self.addCleanup(client.close)
        return client

    def test_a_frame_travels_in_a_message_in_its_namespace(self):
        self.exchange(*self.pair(), "plain")
        with open(self.server.traffic_file) as traffic:
            self.assertIn("urn:isthmus:frame:1", traffic.read())

    def test_what_is_not_xml_text_is_dropped_and_the_link_stays(self):
        alice, bob = self.pair()
        self.assertEqual(alice.send(bob.address, "&" * 65536), "dropped")  # larger than a stanza
        for bad in (b"bell \a", b"\r", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbf\xbe",
                    b"\xf4\x90\x80\x80", b"cut \xe2\x82"):
            text = bad.decode("utf-8", "surrogateescape")
            self.assertEqual(alice.send(bob.address, text), "dropped", bad)
        self.exchange(alice, bob, "still here")
        self.assertNotIn("link down", alice.lines)

    def test_a_domain_that_is_not_served_is_named(self):
        other = self.make_server("domain", "two.test", port=self.server.port)
        alice = self.probe("alice", server=other)
        self.assertIn("does not serve the JID's domain", alice.wait("log error disconnected"))

    def test_a_process_with_many_files_connects_anew(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))  # the probe has them too
        server = self.make_server("many", "many.test", ("alice",))
        self.addCleanup(server.stop)
        server.start()
        alice = self.probe("alice", server=server)
        alice.wait("link up")
        for count in (2000, 0, 9):
            server.kill()
            alice.wait("link down")
            alice.tell(f"hoard x {count}")  # the number of its socket, too
            alice.wait(f"hoarded {count}")
            server.start()
            alice.wait("link up", 90)

    def test_a_stock_client_gets_its_questions_answered(self):
        alice, client = self.probe("alice"), self.stranger()
        alice.wait("link up")

        def ask(query, kind="get"):
            client.send(f"<iq type='{kind}' id='q&lt;1&apos;' to='{alice.address}'>{query}</iq>")
            return client.wait(r"<iq[^>]*id=.q&lt;1&apos;.[^>]*?(/>|>.*?</iq>)").group(0)

        self.assertIn("result", ask("<ping xmlns='urn:xmpp:ping'/>"))
        features = ask("<query xmlns='http://jabber.org/protocol/disco#info'/>")
        self.assertIn("urn:isthmus:frame:1", features)
        self.assertIn("carrier-probe", ask("<query xmlns='jabber:iq:version'/>"))
        self.assertIn("service-unavailable", ask("<query xmlns='jabber:iq:last'/>"))
        self.assertIn("service-unavailable", ask("<ping xmlns='urn:xmpp:ping'/>", "set"))

    def test_what_is_no_frame_is_ignored_and_a_subscription_denied(self):
        alice, client = self.probe("alice"), self.stranger()
        alice.wait("link up")
        frame = "<frame xmlns='urn:isthmus:frame:1'>{}</frame>"
        for attributes, inside in (
                ("type='chat'", frame.format("chat")),
                ("", frame.format("normal")),
                ("type='headline'", "<body>words</body>"),
                ("type='headline'", "<frame xmlns='urn:other'>other</frame>"),
                ("type='headline'", frame.format("x" * 65537)),
                ("type='headline' from='bob@one.test/x'", frame.format("forged")),
                ("type='headline'", frame.format("last"))):
            client.send(f"<message {attributes} to='{alice.address}'>{inside}</message>")
        # The server puts the sender's own address in place of a forged one.
        self.assertEqual(alice.wait("frame"), "frame stranger@one.test/x forged")
        self.assertEqual(alice.wait("frame"), "frame stranger@one.test/x last")
        client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>")
        client.send("<presence type='subscribe' to='alice@one.test'/>")
        client.wait("unsubscribed")

    def test_a_strangers_words_stay_within_their_quotes_in_the_log(self):
        alice, client = self.probe("alice"), self.stranger('x" event=link state=down')
        alice.wait("link up")
        client.send(f"<message type='headline' to='{alice.address}'>"
                    f"<frame xmlns='urn:isthmus:frame:1'>{'x' * 65537}</frame></message>")
        self.assertIn(r' from="stranger@one.test/x\" event=link state=down" bytes=65537 ',
                      alice.wait("log warning frame-refused"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
