#!/usr/bin/env python3
"""What an agent's host does with its warden: a VM that runs by a lease, on real QEMU, is begun and
stops, goes on and ends by the warden's word, whatever becomes of the agent's process."""
import os
import signal
import unittest

from host_case import vm_id, wait_until
from test_host_qemu import QemuCase
from warden import Warden, boottime_ms, state_of


class Guard(QemuCase):
    def setUp(self):
        super().setUp()
        self.warden = Warden(self.folder / "warden")
        self.addCleanup(self.warden.end)
        self.warden.start()

    def remove(self, vm):
        for pid in self.pids():  # whoever stands still would be waited for
            os.kill(pid, signal.SIGKILL)
        super().remove(vm)

    def agent(self):
        """An agent's process, which has begun."""
        agent = self.probe("auto", self.warden.folder)
        agent.send("scan")
        agent.expect("scanned")
        return agent

    def make(self, agent, number):
        """A VM that is to run by a lease, and is off."""
        vm = vm_id(number)
        self.addCleanup(self.remove, vm)
        self.assertEqual(agent.do("fetch", vm=vm, digest=self.digest), "ok")
        agent.send("take", vm=vm)
        self.assertEqual(agent.do("create", vm=vm, digest=self.digest), "ok")
        return vm

    def renew(self, agent, milliseconds):
        until = boottime_ms() + milliseconds
        agent.send("renew", until=until)
        return until

    def running(self, number=1):
        """A VM that runs by a lease of an hour, its agent, its QEMU's pid."""
        agent = self.agent()
        vm = self.make(agent, number)
        self.renew(agent, 3600000)
        self.assertEqual(agent.do("start", vm=vm), "ok")
        self.wait_ready(vm)
        state, pid = self.warden.entry(vm)
        self.assertEqual((state, [pid]), ("runs", self.pids()))
        return agent, vm, pid

    def await_state(self, pid, letters):
        wait_until(lambda: state_of(pid) in [*letters], 60,
                   lambda: f"{letters}: {state_of(pid)} in\n{self.warden.said()}")

    def test_it_says_whether_a_warden_lives(self):
        agent = self.agent()
        agent.expect("guard there ")
        self.warden.stop()
        agent.expect("guard away ")
        agent.forget()
        self.warden.end()
        self.warden.start()
        agent.expect("guard there ")

    def test_nothing_is_begun_without_a_lease_or_a_warden(self):
        agent = self.agent()
        vm = self.make(agent, 1)
        self.assertEqual(agent.do("start", vm=vm), "no-lease")
        self.assertEqual(self.pids(), [])
        self.renew(agent, 3600000)
        self.warden.end()
        self.assertEqual(agent.do("start", vm=vm), "no-lease")
        self.assertEqual(self.pids(), [])
        self.assertEqual(self.console(vm), "")
        self.warden.start()
        self.assertEqual(agent.do("start", vm=vm), "ok")
        self.wait_ready(vm)
        self.assertNotIn("paused", "\n".join(agent.lines))

    def test_a_guest_stands_still_and_goes_on_and_its_agent_is_told(self):
        agent, vm, pid = self.running()
        self.renew(agent, 0)
        agent.expect(f"guard frozen {vm}")
        self.await_state(pid, "T")
        self.renew(agent, 3600000)
        agent.expect(f"guard thawed {vm}")
        self.await_state(pid, "RS")
        self.assertEqual(agent.do("reboot", vm=vm), "ok")  # it hears and does what it is asked
        self.wait_ready(vm, times=2)

    def test_a_killed_agent_stops_nothing_from_ending_and_the_next_one_knows(self):
        agent, vm, pid = self.running()
        self.renew(agent, 2000)
        wait_until(lambda: self.warden.lines("groups/link") and int(
            self.warden.lines("groups/link")[1].split()[1]) < boottime_ms() + 3000, 30, "renewed")
        agent.kill()
        self.probes.remove(agent)
        self.await_state(pid, "T")
        agent = self.agent()
        agent.expect(f"guard frozen {vm}")
        agent.expect(f"domain {vm} epoch=1 running found")
        agent.send("take", vm=vm)
        self.renew(agent, 3600000)
        agent.expect(f"guard thawed {vm}")
        self.await_state(pid, "RS")

    def test_who_is_to_end_is_killed_and_may_be_begun_again_when_taken_on_anew(self):
        agent, vm, pid = self.running()
        self.renew(agent, 0)
        agent.expect(f"guard frozen {vm}")
        agent.send("end", vm=vm)
        wait_until(lambda: not state_of(pid), 30, self.warden.said)
        agent.expect(f"domain {vm} epoch=1 crashed changed")
        self.renew(agent, 3600000)
        self.assertEqual(agent.do("start", vm=vm), "no-lease")
        agent.send("take", vm=vm)
        self.assertEqual(agent.do("start", vm=vm), "ok")
        self.wait_ready(vm, times=2)
        agent.send("drop", vm=vm)
        wait_until(lambda: self.warden.entry(vm) is None, 30, self.warden.said)
        self.renew(agent, 0)
        self.assertIn(state_of(self.pids()[0]), ("R", "S"))
        self.assertEqual(agent.do("remove", vm=vm), "ok")

    def test_a_warden_whose_folder_was_emptied_is_told_everything_again(self):
        agent, vm, _ = self.running()
        self.warden.unregister(vm)
        (self.warden.folder / "groups/link").unlink()
        self.warden.await_entry(vm, "runs")
        agent.expect("scanned")
        wait_until(lambda: len(self.warden.lines("groups/link")) == 2, 30, self.warden.said)


if __name__ == "__main__":
    unittest.main()
