"""Waiting for what is true sooner or later, and a port that is free."""
import socket
import time


def wait_until(what, condition, seconds=60):
    """Returns what the condition found. `what` is said when time is over: words, or a function that gives them."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else f"{what}: not within {seconds} s"
        time.sleep(0.02)  # a poll of what we wait for, not a guess at how long it takes
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
