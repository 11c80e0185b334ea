"""An XMPP client of the tests by slixmpp, which shares no line with ours: what it hears in a chat,
and ad-hoc commands with forms. It is Debian's python3-slixmpp, so it runs in Debian's Python, as a
process of its own, which is told what to do by lines of JSON and says what happens by others."""
import json
import os
import queue
import subprocess
import sys
import threading

PYTHON = "/usr/bin/python3"
WAIT_SECONDS = 60


class ChatClient:
    """One account's client. `bot`: the full JID that it talks to."""

    def __init__(self, server, user, password, bot):
        self.heard, self.seen, self.gone, self.answers = (queue.Queue() for _ in range(4))
        self.process = subprocess.Popen(
            [PYTHON, os.path.abspath(__file__), server.jid(user, "test"), password, bot,
             server.ca_file, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.answers.get(timeout=WAIT_SECONDS)  # it has logged in

    def _read(self):
        for line in self.process.stdout:
            word, value = json.loads(line)
            getattr(self, word).put(value)

    def _ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=WAIT_SECONDS)

    def await_presence(self, jid, presences=None):
        while (presences or self.seen).get(timeout=WAIT_SECONDS) != jid:
            pass

    def await_absence(self, jid):
        self.await_presence(jid, self.gone)

    def tell(self, line):
        """Says it and waits for nothing."""
        self._ask("tell", line)

    def say(self, line):
        """The answer to it."""
        self.tell(line)
        return self.heard.get(timeout=WAIT_SECONDS)

    def ping(self):
        """What was said before has been heard by now: stanzas keep their order."""
        self._ask("ping")

    def commands(self):
        """The nodes of the commands that it is shown."""
        return sorted(self._ask("commands"))

    def command(self, node, fields=None):
        """Runs it. Without `fields`: {field: its choices}, or what it says where it has no form;
        else the form comes back with them, and what it then says. An error: its condition."""
        return self._ask("command", node, fields)

    def cancel(self, node):
        return self._ask("cancel", node)

    def close(self):
        self.process.stdin.close()
        self.process.wait(WAIT_SECONDS)
        self.reader.join()
        self.process.stdout.close()


# the process

class Driver:
    """What slixmpp does. Its plug-in for commands expects to be driven by handlers; this asks."""

    def __init__(self, client, bot):
        self.client, self.bot = client, bot
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0199"):
            client.register_plugin(plugin)
        client.add_event_handler("session_start", self.began)
        client.add_event_handler("message", self.message)
        for event, word in (("available", "seen"), ("unavailable", "gone")):
            client.add_event_handler(
                f"presence_{event}",
                lambda presence, word=word: self.put(word, str(presence["from"])))

    @staticmethod
    def put(word, value):
        print(json.dumps((word, value)), flush=True)

    async def began(self, _):
        self.client.send_presence()
        await self.client.get_roster()
        self.put("answers", None)
        loop = self.client.loop
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            word, *more = json.loads(line)
            self.put("answers", await getattr(self, word)(*more))
        await self.client.disconnect()
        os._exit(0)  # its tasks would complain of each other

    def message(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            self.put("heard", str(message["body"]))

    async def tell(self, line):
        self.client.send_message(mto=self.bot.partition("/")[0], mbody=line, mtype="chat")

    async def ping(self):
        await self.client["xep_0199"].ping(self.bot)

    async def commands(self):
        shown = await self.client["xep_0050"].get_commands(jid=self.bot)
        return [node for _, node, _ in shown["disco_items"]["items"]]

    async def step(self, node, action, session=None, form=None):
        answer = await self.client["xep_0050"].send_command(
            self.bot, node, action=action, sessionid=session, payload=form)
        return answer["command"]

    async def command(self, node, fields):
        from slixmpp.exceptions import IqError
        try:
            begun = await self.step(node, "execute")
            if fields is None or begun["status"] == "completed":
                return self.told(begun)
            form = self.client["xep_0004"].make_form(ftype="submit")
            for name, value in fields.items():
                form.add_field(var=name, value=value)
            return self.told(await self.step(node, "complete", begun["sessionid"], form))
        except IqError as error:
            return error.condition

    async def cancel(self, node):
        return (await self.step(node, "cancel", "none"))["status"]

    @staticmethod
    def told(command):
        if command["status"] == "completed":
            return " ".join(text for _, text in command["notes"])
        return {name: [option["value"] for option in field["options"]]
                for name, field in command["form"].get_fields().items()}


def main(jid, password, bot, ca_file, port):
    import logging
    logging.disable()
    import slixmpp
    client = slixmpp.ClientXMPP(jid, password)
    client.ca_certs = ca_file
    driver = Driver(client, bot)
    client.connect(("127.0.0.1", int(port)))
    driver.client.loop.run_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
