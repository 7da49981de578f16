"""A program on a terminal of its own: waits for what it shows, types, judges its exit."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

SECONDS = 60
ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78])")


class Terminal:
    def __init__(self, *command, cwd=None, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.shown = b""
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
            start_new_session=True, env={**os.environ, "TERM": "vt100", **environment})
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def _read(self, deadline):
        left = deadline - time.monotonic()
        ready, _, _ = select.select([self.master], [], [], max(left, 0))
        assert ready, f"the terminal shows nothing more: {self.shown[-2000:]!r}"
        try:
            self.shown += os.read(self.master, 65536)
        except OSError:  # the program has ended
            return False
        return True

    def wait_for(self, text):
        """Until the program has shown this, control sequences aside; then that is forgotten."""
        self.wait_for_one_of(text)

    def wait_for_one_of(self, *texts):
        """The first of these that it has shown."""
        deadline = time.monotonic() + SECONDS
        while True:
            plain = ESCAPE.sub(b"", self.shown)
            for text in texts:
                if text.encode() in plain:
                    self.shown = b""
                    return text
            assert self._read(deadline), f"ended before it showed {texts}: {plain[-2000:]!r}"

    def type(self, keys):
        os.write(self.master, keys.encode())

    def wait(self):
        deadline = time.monotonic() + SECONDS
        while self._read(deadline):
            pass
        status = self.process.wait(SECONDS)
        assert status == 0, f"ended with {status}: {self.shown[-2000:]!r}"
