"""What the scripts about Anthropic share: running cases one by one, each told as
one line of JSON, and asking the mock and the service what they have seen."""

import asyncio
import json
import os
import secrets
import sys
import time
import traceback
import urllib.request

ENV = os.environ
CASE_DEADLINE_S = 15


def mock_model(flags):
    return f"mock+{flags}+id=python{secrets.token_hex(6)}"


def through(model):
    return f"{ENV['PROVIDER']}/{model}"


def get_json(url, key=None):
    headers = {"Authorization": "Bearer " + key} if key else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
        return json.load(response)


def mock_stats(model=None):
    stats = get_json(ENV["MOCK_URL"] + "/mock/stats", ENV["MOCK_KEY"])
    if model is None:
        return stats
    return stats["models"].get(model, {"total": 0, "aborted": 0, "in_flight": 0})


def slots():
    return get_json(ENV["FAIRLEAD_URL"] + "/metrics")["concurrency_metrics"]["concurrent_requests"]


def wait_for(what, seconds, done):
    start = time.monotonic()
    while not done():
        assert time.monotonic() - start < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.005)  # each look is a request


def stopped(model):
    """The upstream call of model was stopped, and the slot is free."""
    wait_for("the mock sees that the client left", 1, lambda: mock_stats(model)["aborted"] == 1)
    wait_for("the slot is given back", 1, lambda: slots() == 0)


def failure(kind, call):
    try:
        call()
    except kind as err:
        return err
    raise AssertionError("no error was raised")


def check_retry_headers(headers, most):
    seconds = int(headers["retry-after"])
    assert 1 <= seconds <= most, seconds
    ms = float(headers["retry-after-ms"])
    assert (seconds - 1) * 1000 < ms <= seconds * 1000, (seconds, ms)


def run(names, deadline_s=CASE_DEADLINE_S):
    """Runs the functions called case_… of a script, and tells what they returned."""
    failed = False
    for name, check in list(names.items()):
        if not name.startswith("case_"):
            continue
        ok = True
        try:
            detail = asyncio.run(asyncio.wait_for(asyncio.to_thread(check), deadline_s)) or ""
        except Exception:  # every failure is told, whatever it is
            detail, ok, failed = traceback.format_exc(), False, True
        print(json.dumps({"case": name[5:].replace("_", " "), "ok": ok, "detail": detail}), flush=True)
    sys.exit(1 if failed else 0)
