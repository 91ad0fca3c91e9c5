"""A worker that does one thing wrong, for tests of the conductor: fake_worker.py WRONG STAGE. Until it is
asked for STAGE it does nothing, well; its results are whatever is in the buffers."""

import array
import json
import os
import signal
import socket
import sys
import time

wrong, stage = sys.argv[1:]
conductor = socket.socket(fileno=int(os.environ["NORMBENCH_SOCKET"]))

WELL = {"hello": {"protocol": 1, "name": "fake", "version": "1.0"},
        "supports": {"unsupported": None},
        "left": {"left": None}}

# What it says instead of an answer.
WORDS = {"garbage": b"\xff\x00 no JSON", "list": b"[1, 2]", "text": b'"yes"', "half": b'{"ns": 1',
         "error": b'{"error": "out of luck"}', "error_object": b'{"error": {"code": 7}}',
         "wrong_types": b'{"ns": "soon", "detail": 7, "protocol": "one", "unsupported": 5, '
                        b'"version": [], "left": 3}',
         "long": b'{"detail": "' + 70000 * b"x" + b'"}', "deep": 30000 * b"[",
         "negative": b'{"ns": -5, "cpu_ns": -1}', "huge": b'{"ns": 1e18, "preempted": 1e300}',
         "nothing": b"{}",
         "stale": b'{"ns": 1000, "number": 1}'}


# Those of WORDS that answer the question, in whichever way.
ANSWERS = ("error", "error_object", "wrong_types", "negative", "huge", "nothing")


def answer(ask, number):
    return json.dumps({**WELL.get(ask, {"ns": 1000}), "number": number}).encode()


def words(number):
    text = WORDS[wrong]
    if wrong not in ANSWERS:
        return text
    return json.dumps({**json.loads(text), "number": number}).encode()


while True:
    packet = conductor.recv(1 << 17)
    if not packet:
        break
    message = json.loads(packet)
    ask, number = message["ask"], message["number"]
    if ask != stage:
        conductor.send(answer(ask, number))
        if ask == "bye":
            break
        continue
    if wrong == "exit":
        sys.exit(3)
    if wrong == "crash":
        print(5000 * "noise\n" + "the last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if wrong == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if wrong == "close":
        conductor.close()
        time.sleep(60)
    if wrong == "hang":
        time.sleep(60)
    if wrong == "hang_loud":
        while True:
            os.write(1, 4096 * b"noise ")
    if wrong == "leave_child":
        if os.fork() == 0:
            time.sleep(60)
        os._exit(3)
    if wrong == "flood":
        while True:
            conductor.send(answer(ask, number))
    if wrong == "quiet":  # closes what it prints to
        os.close(1)
        os.close(2)
    if wrong == "files":
        for _ in range(40):
            rights = array.array("i", [0, 0])
            conductor.sendmsg([answer(ask, number)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            number = json.loads(conductor.recv(1 << 17))["number"]
    if wrong == "twice":
        conductor.send(answer(ask, number))
    conductor.send(words(number) if wrong in WORDS else answer(ask, number))
