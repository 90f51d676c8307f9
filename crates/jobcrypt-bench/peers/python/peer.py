"""The args of a job, encrypted in Python: cryptography's Fernet and PyNaCl's SecretBox, from JSON to the
envelope and back. It measures itself: for each line on standard input, `cipher operation size
milliseconds`, it answers with the median time per job in nanoseconds.
"""

import base64
import json
import statistics
import sys
import time

import cryptography
import nacl
from cryptography.fernet import Fernet
from nacl.secret import SecretBox
from nacl.utils import random

# Long enough that reading the clock does not count.
SHORTEST_SAMPLE = 200_000


class FernetJobs:
    def __init__(self):
        self.fernet = Fernet(Fernet.generate_key())

    def seal(self, args):
        token = self.fernet.encrypt(args)
        return json.dumps({"river_encrypt": token.decode()}).encode()

    def open(self, stored):
        return self.fernet.decrypt(json.loads(stored)["river_encrypt"].encode())


class SecretBoxJobs:
    def __init__(self):
        self.box = SecretBox(random(SecretBox.KEY_SIZE))

    def seal(self, args):
        text = base64.b64encode(self.box.encrypt(args)).decode()
        return json.dumps({"river_encrypt": text}).encode()

    def open(self, stored):
        return self.box.decrypt(base64.b64decode(json.loads(stored)["river_encrypt"]))


CIPHERS = {"fernet": FernetJobs, "secretbox": SecretBoxJobs}


def main():
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"{python}, cryptography {cryptography.__version__}, PyNaCl {nacl.__version__}", flush=True)
    for line in sys.stdin:
        cipher, operation, size, milliseconds = line.split()
        print(median(prepare(cipher, operation, int(size)), int(milliseconds) * 1_000_000), flush=True)


def prepare(cipher, operation, size):
    """Returns what is done once for each job, after having tried that it does it."""
    jobs = CIPHERS[cipher]()
    args = args_of(size)
    sealed = jobs.seal(args)
    assert jobs.open(sealed) == args, "the args do not come back"
    return {"seal": lambda: jobs.seal(args), "open": lambda: jobs.open(sealed)}[operation]


def args_of(size):
    head, tail = b'{"to":"ada@example.com","text":"', b'"}'
    return head + b"a" * (size - len(head) - len(tail)) + tail


def median(job, duration):
    count = 1
    while elapsed(job, count) < SHORTEST_SAMPLE:
        count *= 2
    samples = []
    start = time.perf_counter_ns()
    while not samples or time.perf_counter_ns() - start < duration:
        samples.append(elapsed(job, count) / count)
    return statistics.median(samples)


def elapsed(job, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        job()
    return time.perf_counter_ns() - start


if __name__ == "__main__":
    main()
