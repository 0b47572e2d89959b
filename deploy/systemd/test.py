#!/usr/bin/env python3
"""fanoutd under a service manager played by this test: a socket it inherits, and what it is told.

Usage: deploy/systemd/test.py FANOUT FANOUTD
"""
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

fanout, fanoutd = sys.argv.pop(1), sys.argv.pop(1)


class UnderAServiceManager(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = self.folder + "/fanoutd.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        self.addCleanup(self.listener.close)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(self.folder + "/notify")
        self.manager.settimeout(30)
        self.addCleanup(self.manager.close)
        self.daemon = self.start()
        self.addCleanup(self.end)

    def start(self):
        # As systemd does: the shell's process becomes the daemon, so that LISTEN_PID is its own.
        os.dup2(self.listener.fileno(), 3, inheritable=True)
        environment = dict(os.environ, NOTIFY_SOCKET=self.folder + "/notify", WATCHDOG_USEC="200000", LISTEN_FDS="1")
        command = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "-", fanoutd, "--state", self.folder + "/state",
                   "--socket", self.folder + "/another.sock"]
        return subprocess.Popen(command, env=environment, pass_fds=[3], stderr=subprocess.DEVNULL)

    def end(self):
        self.daemon.kill()
        self.daemon.wait()

    def hears(self, wanted):
        """What it is told, up to the first message that begins so."""
        heard = []
        while not heard or not heard[-1].startswith(wanted):
            heard.append(self.manager.recv(4096).decode())
        return heard

    def ask(self, *words):
        return subprocess.run([fanout, "--no-start", "--socket", self.path, *words], capture_output=True, text=True)

    def test_it_serves_on_the_socket_that_it_inherits(self):
        self.hears("READY=1")
        answer = self.ask("daemon", "status")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(self.path, answer.stdout)

    def test_it_tells_that_it_lives(self):
        self.hears("WATCHDOG=1")
        self.hears("WATCHDOG=1")

    def test_a_hangup_is_a_reload(self):
        self.hears("READY=1")
        self.daemon.send_signal(signal.SIGHUP)
        self.hears("RELOADING=1")
        self.hears("READY=1")
        self.assertIsNone(self.daemon.poll())

    def test_it_says_that_it_stops_and_leaves_the_managers_socket(self):
        self.hears("READY=1")
        self.assertEqual(self.ask("daemon", "stop").returncode, 0)
        self.hears("STOPPING=1")
        self.assertEqual(self.daemon.wait(30), 0)
        self.assertTrue(stat.S_ISSOCK(os.stat(self.path).st_mode))


unittest.main(verbosity=2)
