"""What the peers' benchmarks share: they tell the program that started them, line by line, what they did.

A benchmark is called with an empty folder and the cases to run. It starts what its peer needs, runs a short chain to warm up, then each
case between a line `{"begin": CASE}` and a line `{"end": CASE, "wall_s": ..., "tasks": [[name, start, end, succeeded], ...]}`.
"""

import datetime
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request


class Wrong(Exception):
    """What the peer did is not what was asked for."""


def say(line: dict):
    print(json.dumps(line), flush=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(is_so, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Wrong(f"waited {seconds:.0f} s: {what}")
        time.sleep(0.2)


def answers(server: subprocess.Popen, url: str) -> bool:
    """Whether the server says at this address that it is well."""
    if server.poll() is not None:
        raise Wrong(f"the server ended with {server.returncode}; see its log")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def end(server: subprocess.Popen, sign: int):
    """Asks the server to end, and makes it end when it does not."""
    server.send_signal(sign)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def seconds(text: str) -> float:
    """The Unix time of a time that a database wrote; without a zone it is UTC."""
    time = datetime.datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)).timestamp()


def main(peer, cases: dict, warm):
    home, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:]
    running = peer(home)
    try:
        running.run(warm)
        for case in wanted:
            say({"begin": case})
            say({"end": case, **running.run(cases[case])})
    finally:
        running.stop()
