#!/usr/bin/env python3
"""isthmus-warden on real processes: it freezes, thaws and ends what it should and nobody else,
whatever becomes of itself and of its files."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest

from host_case import vm_id, wait_until
from warden import BOOT, WardenCase, boottime_ms, has_qemu, state_of

OTHER_BOOT = "00000000-0000-4000-8000-000000000000"
HERE = pathlib.Path(__file__).resolve().parent


class Leases(WardenCase):
    def test_it_freezes_at_the_end_of_a_lease_and_not_before_and_thaws_when_it_is_renewed(self):
        guest = self.guarded(1)
        until = self.warden.renew("link", 1500)
        wait_until(lambda: state_of(guest.pid) == "T", 30, self.warden.said)
        self.assertGreaterEqual(boottime_ms(), until)
        self.warden.await_entry(vm_id(1), "frozen")
        self.warden.renew("link", 60000)
        self.await_thawed(guest)
        self.warden.await_entry(vm_id(1), "runs")

    def test_a_group_has_a_lease_of_its_own(self):
        guest, other = self.guarded(1, "link"), self.guarded(2, "link-cloud")
        self.warden.renew("link-cloud", 0)
        self.await_frozen(other)
        self.let_pass()
        self.assert_runs(guest)
        self.warden.register(vm_id(2), "link", self.pid_file(2))  # it belongs to the other one now
        self.await_thawed(other)

    def test_what_has_no_lease_at_all_does_not_run(self):
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        self.await_frozen(self.guest(1))

    def test_a_start_under_way_at_the_end_of_the_lease_is_caught(self):
        self.warden.renew("link", 0)
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        self.warden.await_entry(vm_id(1), "off")
        self.let_pass()
        self.await_frozen(self.guest(1))

    def test_what_it_does_is_told_once(self):
        guest = self.guarded(1)
        self.warden.renew("link", 0)
        self.await_frozen(guest)
        for _ in range(3):
            self.warden.register(vm_id(1), "link", self.pid_file(1))
            self.let_pass()
        self.assertEqual(self.warden.said().count("event=warden-froze "), 1)

    def test_what_somebody_else_lets_go_on_is_frozen_again(self):
        guest = self.guarded(1, milliseconds=60000)
        self.warden.renew("link", 0)
        self.await_frozen(guest)
        for _ in range(5):
            guest.send_signal(signal.SIGCONT)
            self.await_frozen(guest)

    def test_what_somebody_else_stopped_is_not_let_go_on(self):
        guest = self.guarded(1)
        guest.send_signal(signal.SIGSTOP)
        self.await_frozen(guest)
        self.warden.renew("link", 60000)
        self.let_pass()
        self.assertEqual(state_of(guest.pid), "T")

    def test_who_is_evicted_is_ended_frozen_or_not(self):
        runs, frozen = self.guarded(1, "link"), self.guarded(2, "link-cloud")
        self.warden.renew("link-cloud", 0)
        self.await_frozen(frozen)
        for number in (1, 2):
            self.warden.register(vm_id(number), "over", self.pid_file(number))
        for guest in (runs, frozen):
            self.await_ended(guest)
        self.warden.await_entry(vm_id(1), "ended")
        wait_until(lambda: self.warden.entry(vm_id(1)) == ("ended", 0), 30, self.warden.said)
        self.await_ended(self.guest(1))  # and whatever comes by its name
        self.warden.renew("link", 60000)
        self.warden.register(vm_id(1), "link", self.pid_file(1))  # until it is registered anew
        self.warden.await_entry(vm_id(1), "off")
        self.guest(1)
        self.warden.await_entry(vm_id(1), "runs")

    def test_what_is_of_another_boot_is_ended(self):
        by_group, by_itself = self.guarded(1, "link"), self.guarded(2, "link-cloud")
        self.warden.renew("link", 60000, boot=OTHER_BOOT)
        self.await_ended(by_group)
        self.assert_runs(by_itself)
        self.warden.register(vm_id(2), "link-cloud", self.pid_file(2), boot=OTHER_BOOT)
        self.await_ended(by_itself)

    def test_what_is_not_guarded_any_more_goes_on(self):
        guest = self.guarded(1)
        self.warden.renew("link", 0)
        self.await_frozen(guest)
        self.warden.unregister(vm_id(1))
        self.await_thawed(guest)
        wait_until(lambda: self.warden.entry(vm_id(1)) is None, 30, self.warden.said)

    def test_a_crowd_is_frozen_thawed_and_ended_whole(self):
        numbers = range(1, 201)
        self.warden.renew("link", 600000)
        for number in numbers:
            self.warden.register(vm_id(number), "link", self.pid_file(number))
        guests = [self.guest(number) for number in numbers]
        for number in numbers:
            self.warden.await_entry(vm_id(number), "runs")
        for milliseconds, await_all in ((0, self.await_frozen), (600000, self.await_thawed)):
            self.warden.renew("link", milliseconds)
            for guest in guests:
                await_all(guest)
        for number in numbers:
            self.warden.register(vm_id(number), "over", self.pid_file(number))
        for guest in guests:
            self.await_ended(guest)


class Patience(WardenCase):
    options = ("--freeze-most", "1")

    def test_what_was_frozen_for_too_long_is_ended_and_a_renewal_comes_too_late(self):
        guest = self.guarded(1)
        self.warden.renew("link", 0)
        self.await_ended(guest)
        self.warden.await_entry(vm_id(1), "ended")
        self.warden.renew("link", 60000)
        self.let_pass()
        self.await_ended(self.guest(1))

    def test_the_time_that_it_stood_still_is_counted_over_a_restart(self):
        guest = self.guarded(1)
        self.warden.renew("link", 0)
        self.await_frozen(guest)
        self.warden.end()
        self.warden.start()
        self.await_ended(guest)


class Identity(WardenCase):
    def test_only_a_guest_of_that_name_is_touched(self):
        self.warden.renew("link", 0)
        stranger = self.guest(2)
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        for told in (f"{stranger.pid}\n", f"{os.getpid()}\n", "1\n", "0\n", "-1\n", "x\n", "",
                     f"{stranger.pid}0000000000\n", f"{2**32 + stranger.pid}\n"):
            self.pid_file(1).write_text(told)
            self.let_pass(1)
            self.assert_runs(stranger)
        self.pid_file(1).unlink()
        os.mkfifo(self.pid_file(1))
        self.let_pass()
        self.pid_file(1).unlink()
        self.pid_file(1).symlink_to(self.pid_file(2))
        self.let_pass()
        self.assert_runs(stranger)
        self.assertEqual(self.warden.entry(vm_id(1)), ("off", 0))

    def test_a_longer_name_is_another_guest(self):
        self.warden.renew("link", 0)
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        longer = subprocess.Popen(["sh", "-c", "read -r line", "-name",
                                   f"guest=isthmus-{vm_id(1)}x"], stdin=subprocess.PIPE)
        self.addCleanup(self.end_guest, longer)
        elsewhere = subprocess.Popen(["sh", "-c", "read -r line",
                                      f"guest=isthmus-{vm_id(1)},x"], stdin=subprocess.PIPE)
        self.addCleanup(self.end_guest, elsewhere)
        for process in (longer, elsewhere):
            self.pid_file(1).write_text(str(process.pid))
            self.let_pass()
            self.assert_runs(process)

    def test_a_pid_that_was_given_away_again_is_not_believed(self):
        """The state says of each process when it began; what has its pid now began later."""
        guest = self.guarded(1)
        self.pid_file(1).unlink()  # so that nothing but the state speaks of it
        self.warden.end()
        state = self.warden.folder / "state"
        pid, start = re.search(r" (\d+) (\d+)$", state.read_text(), re.MULTILINE).groups()
        self.assertEqual(int(pid), guest.pid)
        state.write_text(state.read_text().replace(f"{pid} {start}", f"{pid} {int(start) + 1}"))
        self.warden.renew("link", 0)
        self.warden.start()
        self.let_pass()
        self.assert_runs(guest)
        self.assertEqual(self.warden.entry(vm_id(1)), ("off", 0))

    def test_a_guest_that_ends_and_comes_again_is_guarded_again(self):
        guest = self.guarded(1)
        guest.kill()
        self.warden.await_entry(vm_id(1), "off")
        guest = self.guest(1)
        wait_until(lambda: self.warden.entry(vm_id(1)) == ("runs", guest.pid), 30,
                   self.warden.said)
        self.warden.renew("link", 0)
        self.await_frozen(guest)


class Restarts(WardenCase):
    """Whatever became of the warden, the next one does what it would have done."""

    def again(self, meanwhile=lambda: None, how=signal.SIGKILL):
        self.warden.end(how)
        meanwhile()
        self.warden.start()

    def test_a_lease_that_ends_meanwhile_has_ended(self):
        guest = self.guarded(1)
        self.again(lambda: self.warden.renew("link", 0))
        self.await_frozen(guest)

    def test_a_lease_that_lasts_changes_nothing(self):
        guest = self.guarded(1)
        self.again()
        self.warden.await_entry(vm_id(1), "runs")
        self.let_pass()
        self.assert_runs(guest)

    def test_what_is_frozen_stays_so_and_is_thawed_or_ended_as_it_should(self):
        thawed, ended = self.guarded(1, "link"), self.guarded(2, "link-cloud")
        for group in ("link", "link-cloud"):
            self.warden.renew(group, 0)
        for guest in (thawed, ended):
            self.await_frozen(guest)
        self.again()
        self.let_pass()
        for number, guest in ((1, thawed), (2, ended)):
            self.assertEqual(state_of(guest.pid), "T")
            self.assertEqual(self.warden.entry(vm_id(number)), ("frozen", guest.pid))
        self.warden.renew("link", 60000)
        self.warden.register(vm_id(2), "over", self.pid_file(2))
        self.await_thawed(thawed)
        self.await_ended(ended)

    def test_what_was_said_while_it_was_away_is_done(self):
        guests = {number: self.guarded(number, f"link-{number}") for number in range(1, 5)}
        for number, guest in guests.items():
            self.warden.renew(f"link-{number}", 0)
            self.await_frozen(guest)

        def meanwhile():
            self.warden.renew("link-1", 60000)
            self.warden.register(vm_id(2), "over", self.pid_file(2))
            self.warden.unregister(vm_id(3))
            self.pid_file(4).unlink()
        self.again(meanwhile)
        self.await_thawed(guests[1])
        self.await_ended(guests[2])
        self.await_thawed(guests[3])
        self.warden.renew("link-4", 60000)
        self.await_thawed(guests[4])

    def test_it_freezes_what_it_guards_when_it_is_told_to_stop_and_the_next_one_lets_it_go_on(self):
        guest, other = self.guarded(1), self.guest(2)
        self.warden.end(signal.SIGTERM)
        self.assertEqual(self.warden.process.returncode, 0)
        self.await_frozen(guest)  # it stops as soon as it comes to run
        self.assert_runs(other)
        self.warden.start()
        self.await_thawed(guest)

    def test_its_death_before_a_freeze_is_written_or_after_loses_nobody(self):
        """The state is written first: what stands there and was not stopped yet is stopped."""
        guest = self.guarded(1)
        self.warden.end()
        state = self.warden.folder / "state"
        state.write_text(state.read_text().replace(" runs ", " frozen "))
        self.warden.renew("link", 0)
        self.warden.start()
        self.await_frozen(guest)
        self.warden.end()
        guest.send_signal(signal.SIGCONT)  # as if it had died between the two
        self.warden.renew("link", 60000)
        self.warden.start()
        self.warden.await_entry(vm_id(1), "runs")
        self.assert_runs(guest)

    def test_a_warden_that_hangs_is_silent_and_its_follower_makes_up_for_it(self):
        guest = self.guarded(1)
        self.warden.stop()
        self.warden.renew("link", 0)
        beat = self.warden.beat()["at_ms"]
        wait_until(lambda: boottime_ms() > beat + 2000, 30, "time")
        self.assertEqual(self.warden.beat()["at_ms"], beat)  # an agent sees it by this
        self.again()
        self.await_frozen(guest)

    def test_systemd_is_told_that_it_lives_for_as_long_as_it_does(self):
        path = f"{self.folder}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(path)
            heard.settimeout(30)
            self.warden.end()
            self.warden.start(NOTIFY_SOCKET=path)
            words = {heard.recv(100) for _ in range(5)}
            self.assertEqual(words, {b"READY=1", b"WATCHDOG=1"})
            self.warden.stop()
            heard.settimeout(2)
            with self.assertRaises(TimeoutError):
                for _ in range(5):  # what was on its way
                    heard.recv(100)


class Garbage(WardenCase):
    HEAD = f"isthmus-warden 1 {BOOT}\n"

    def bad_files(self, path, good):
        """Ways to make a bad file there."""
        def links():
            path.with_name(".target").write_bytes(good)
            path.symlink_to(path.with_name(".target"))

        def shared():
            path.write_bytes(good)
            path.chmod(0o666)
        texts = (b"", b"\0" * 100, os.urandom(300), b"x" * 5000, good[:-1], good[1:], good * 2,
                 good.replace(b"warden 1", b"warden 2"), good + b"more 1\n", self.HEAD.encode(),
                 good.replace(b"group link", b"group ../link").replace(b"_ms ", b"_ms -"),
                 good.replace(b" ", b"  "))
        yield from (lambda text=text: path.write_bytes(text) for text in texts)
        yield from (links, shared, lambda: os.mkfifo(path))

    def spoil(self, name, then):
        """Puts each bad file in the good one's place, by a rename as an agent would."""
        path = self.warden.folder / name
        made, good = path.with_name(".new-bad"), path.read_bytes()
        for number, make in enumerate(self.bad_files(made, good)):
            with self.subTest(number=number):
                make()
                made.rename(path)
                self.let_pass(1)
                self.assertIsNone(self.warden.process.poll())
                then()

    def test_a_lease_that_cannot_be_read_lasts_as_long_as_the_one_before(self):
        guest = self.guarded(1)
        self.spoil("groups/link", lambda: self.assert_runs(guest))
        self.warden.renew("link", 0)
        self.await_frozen(guest)
        self.spoil("groups/link", lambda: self.assertEqual(state_of(guest.pid), "T"))
        self.warden.renew("link", 60000)
        self.await_thawed(guest)

    def test_a_registration_that_cannot_be_read_leaves_its_vm_guarded_and_is_told(self):
        guest, other = self.guarded(1), self.guest(2)
        self.spoil(f"vms/{vm_id(1)}", lambda: self.assert_runs(other))
        self.assertRegex(self.warden.said(), rf"event=warden-refused file={vm_id(1)} why=malformed")
        self.assertGreater(int(self.warden.beat()["refused"]), 0)
        self.warden.renew("link", 0)
        self.await_frozen(guest)

    def test_a_registration_that_speaks_of_another_guest_is_refused(self):
        self.warden.renew("link", 0)
        other = self.guest(2)
        self.warden.write(f"vms/{vm_id(1)}", "group link", f"guest isthmus-{vm_id(2)}",
                          f"pid_file {self.pid_file(2)}")
        wait_until(lambda: int(self.warden.beat()["refused"]) > 0, 30, self.warden.said)
        self.assert_runs(other)

    def test_a_state_that_cannot_be_read_is_not_believed_and_each_process_is_found_anew(self):
        guest = self.guarded(1)
        state = self.warden.folder / "state"
        for text in (b"", os.urandom(500), b"x" * 10**6,
                     f"{self.HEAD}{vm_id(1)} runs 1 {guest.pid}\n".encode(),
                     f"{self.HEAD}{vm_id(1)} frozen 1 1 1\n{vm_id(2)} runs 1 -1 -1\n".encode(),
                     state.read_bytes().replace(BOOT.encode(), OTHER_BOOT.encode())):
            with self.subTest(text=text[:80]):
                self.warden.end()
                state.write_bytes(text)
                self.warden.start()
                wait_until(lambda: self.warden.entry(vm_id(1)) == ("runs", guest.pid), 30,
                           self.warden.said)
        self.warden.renew("link", 0)
        self.await_frozen(guest)

    def test_folders_that_others_can_write_are_refused(self):
        self.warden.end()
        for path in (self.warden.folder, self.warden.folder / "vms"):
            path.chmod(0o777)
            done = subprocess.run([self.warden.process.args[0], "--folder", self.warden.folder],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("is not this account's alone to write", done.stderr)
            path.chmod(0o700)


@unittest.skipUnless(has_qemu(), "no QEMU, or no assembler for its guest")
class Qemu(WardenCase):
    """A guest of real QEMU, which tells a heartbeat each second."""

    def qemu(self, number):
        made, disk, console = (self.folder / name for name in ("made.o", "disk", "console"))
        subprocess.run(["as", "--32", "-o", made, HERE / "heartbeat.S"], check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o",
                        disk, made], check=True)
        with open(disk, "ab") as file:
            file.truncate(2**20)
        process = subprocess.Popen(
            ["qemu-system-x86_64", "-name", f"guest=isthmus-{vm_id(number)},debug-threads=on",
             "-accel", "tcg", "-m", "16", "-display", "none", "-nodefaults", "-pidfile",
             self.pid_file(number), "-drive", f"file={disk},format=raw,if=ide",
             "-serial", f"file:{console}", "-monitor", "none"], stdin=subprocess.PIPE)
        self.addCleanup(self.end_guest, process)
        self.console = console
        return process

    def beats(self):
        return [int(beat) for beat in re.findall(r"HB (\d+)", self.console.read_text())]

    def await_beats(self, more):
        before = len(self.beats())
        wait_until(lambda: len(self.beats()) >= before + more, 120, self.warden.said)

    def test_a_guest_stands_still_and_goes_on_where_it_was(self):
        self.warden.renew("link", 600000)
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        qemu = self.qemu(1)
        wait_until(self.console.exists, 60, "a console")
        self.await_beats(2)
        self.warden.await_entry(vm_id(1), "runs")
        self.warden.renew("link", 0)
        self.await_frozen(qemu)
        before = self.beats()
        self.let_pass(6)
        self.assertEqual(self.beats(), before)
        self.warden.renew("link", 600000)
        self.await_beats(2)
        self.assertEqual(self.beats(), list(range(1, len(self.beats()) + 1)))
        self.assertIn("NANO-READY boots=", self.console.read_text())
        self.assertEqual(self.console.read_text().count("NANO-READY"), 1)

    def test_one_that_hangs_is_ended_all_the_same(self):
        self.warden.renew("link", 600000)
        self.warden.register(vm_id(1), "link", self.pid_file(1))
        qemu = self.qemu(1)
        self.warden.await_entry(vm_id(1), "runs")
        qemu.send_signal(signal.SIGSTOP)
        self.await_frozen(qemu)
        self.warden.register(vm_id(1), "over", self.pid_file(1))
        self.await_ended(qemu)


if __name__ == "__main__":
    unittest.main()
