"""A mail server, which keeps what it takes: SMTP with STARTTLS and AUTH PLAIN."""
import base64
import email
import email.policy
import re
import socketserver
import ssl
import threading

from prosody import make_authority, make_certificate


class Mail:
    def __init__(self, peer, sender, recipients, raw):
        self.greeting, self.sender, self.recipients, self.raw = peer, sender, recipients, raw
        self.message = email.message_from_bytes(raw, policy=email.policy.strict)
        self.ident = self.message["Message-ID"]
        self.subject = self.message["Subject"]
        self.text = self.message.get_content()


class Mailbox:
    """`status`: its answer to a whole mail; `refuses`: recipients that it does not have; `hangs`:
    at this word it falls silent, until it is closed."""

    def __init__(self, folder, user, password):
        self.folder = folder
        make_authority(folder)
        self.user, self.password = user, password
        self.came, self.tried = [], []  # Mail that was taken; all of it
        self.refusals = []  # what came before TLS, or without the password
        self.status, self.refuses, self.hangs, self.offers_tls = 250, set(), None, True
        self.closed = threading.Event()
        self.trust(folder)
        mailbox = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                Talk(mailbox, self.request).run()

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever sends is killed: it is sent again
        self.port = self.server.server_address[1]
        self.url = f"smtp://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def trust(self, folder):
        """Its certificate is one of the authority in the folder."""
        make_authority(folder)
        make_certificate(folder, "localhost")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")

    def reset(self):
        self.status, self.refuses, self.hangs, self.offers_tls = 250, set(), None, True
        self.trust(self.folder)

    def to(self, address):
        return [mail for mail in list(self.came) if mail.recipients == [address]]

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


class Talk:
    """One client."""

    def __init__(self, mailbox, connection):
        self.mailbox, self.connection = mailbox, connection
        self.lines = connection.makefile("rb")
        self.is_safe = self.is_known = False
        self.greeting, self.sender, self.recipients = None, None, []

    def say(self, *lines):
        self.connection.sendall(b"".join(f"{line}\r\n".encode() for line in lines))

    def run(self):
        self.say("220 localhost ESMTP")
        while True:
            line = self.lines.readline().decode()
            word, _, rest = line.strip().partition(" ")
            if not word:
                return
            if word == self.mailbox.hangs:
                self.mailbox.closed.wait()
                return
            getattr(self, f"on_{word.lower()}")(rest)
            if word == "QUIT":
                return

    def on_ehlo(self, name):
        self.greeting = name
        more = ["250-STARTTLS"] if self.mailbox.offers_tls and not self.is_safe else []
        self.say("250-localhost", *more, "250-AUTH PLAIN", "250 8BITMIME")

    def on_starttls(self, _):
        self.say("220 go on")
        self.connection = self.mailbox.context.wrap_socket(self.connection, server_side=True)
        self.lines = self.connection.makefile("rb")
        self.is_safe = True

    def on_auth(self, proof):
        if proof == "PLAIN":
            self.say("334 ")
            proof = self.lines.readline().decode().strip()
        _, user, password = base64.b64decode(proof.split()[-1]).decode().split("\0")
        if not self.is_safe:
            self.mailbox.refusals.append("a password in the clear")
        self.is_known = (user, password) == (self.mailbox.user, self.mailbox.password)
        self.say("235 welcome" if self.is_known else "535 who are you")

    def on_mail(self, path):
        if not self.is_safe or not self.is_known:
            self.mailbox.refusals.append(path)
            self.say("530 not so")
            return
        self.sender = re.match(r"FROM:<([^>]*)>", path)[1]
        self.recipients = []
        self.say("250 ok")

    def on_rcpt(self, path):
        address = re.fullmatch(r"TO:<([^>]*)>", path)[1]
        if address in self.mailbox.refuses:
            self.say("550 nobody of that name")
            return
        self.recipients.append(address)
        self.say("250 ok")

    def on_data(self, _):
        self.say("354 go on")
        lines = []
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        mail = Mail(self.greeting, self.sender, self.recipients, b"".join(lines))
        status = self.mailbox.status
        self.mailbox.tried.append(mail)
        if status == 250:
            self.mailbox.came.append(mail)
        self.say(f"{status} so")

    def on_quit(self, _):
        self.say("221 bye")

    def on_rset(self, _):
        self.say("250 ok")
