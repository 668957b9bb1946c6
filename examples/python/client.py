"""Asks a Fairlead service one question. It needs Python 3.8 or newer and
nothing else:

    FAIRLEAD_URL=http://127.0.0.1:8080 FAIRLEAD_KEY=... python3 client.py "question"

What it shows, and what is worth copying:
  - one client for the whole program, which keeps connections open and bounds them;
  - trying again only while nothing of the answer has come, after exactly the
    wait that the service asked for, or else an exponential back-off with jitter;
  - one time limit: nothing is begun after it, and no silence outlasts it.
"""

import datetime
import email.utils
import http.client
import json
import os
import queue
import random
import sys
import time
import urllib.parse

MAX_ATTEMPTS = 4
FIRST_BACKOFF = 0.5  # seconds, like every time here
MAX_BACKOFF = 30.0
MAX_WAIT = 60.0  # told to stay away for longer: give up and say so
TEMPORARY = {408, 429, 500, 502, 503, 504}


class RefusedError(Exception):
    """The service refused. `code` is a stable name, such as "queue_full"."""

    def __init__(self, status, headers, body):
        super().__init__(body.get("error") or f"unexpected answer {status}")
        self.status = status
        self.code = body.get("code")
        self.request_id = headers.get("x-request-id")
        self.retry_after = retry_after(headers)
        self.should_retry = headers.get("x-should-retry")

    @property
    def temporary(self):
        """Whether the same call may succeed later."""
        if self.should_retry == "false" or self.retry_after > MAX_WAIT:
            return False
        return self.should_retry == "true" or self.status in TEMPORARY


class FairleadClient:
    """A client of one service with one key: make one and share it among threads."""

    def __init__(self, base_url, key, max_connections=5, timeout=120.0):
        url = urllib.parse.urlsplit(base_url)
        self._connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._host = url.netloc
        self._prefix = url.path.rstrip("/")
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._timeout = timeout
        # The last connection used comes first: it is the least likely to have
        # been closed for idleness. None stands for one that is not open.
        self._connections = queue.LifoQueue()
        for _ in range(max_connections):
            self._connections.put(None)

    def chat(self, messages, **options):
        """Asks for the next message of a conversation."""
        body = json.dumps({**options, "messages": messages}).encode()
        deadline = time.monotonic() + self._timeout
        attempt = 0
        while True:
            attempt += 1
            connection = self._take(deadline)
            kept = None
            try:
                response = self._post(connection, "/chat/completion", body)
                # An answer that has begun is not asked for again, even if it
                # breaks off: what reading it raises leaves this function.
                if response.status == 200:
                    answer = json.loads(response.read())
                    kept = connection
                    return answer
                error = RefusedError(response.status, response.headers, read_refusal(response))
                kept = connection if response.isclosed() else None
            except Unanswered as failure:
                error = failure.__cause__
            finally:
                self._give_back(connection, kept)
            wait = wait_before(attempt + 1, error)
            if wait is None or time.monotonic() + wait >= deadline:
                raise error
            time.sleep(wait)

    def _post(self, connection, path, body):
        try:
            connection.request("POST", self._prefix + path, body, self._headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered from error

    def _take(self, deadline):
        remaining = deadline - time.monotonic()
        try:
            connection = self._connections.get(timeout=max(remaining, 0.001))
        except queue.Empty:
            raise TimeoutError("every connection is in use") from None
        remaining = max(deadline - time.monotonic(), 0.001)
        if connection is None:
            return self._connect(self._host, timeout=remaining)
        if connection.sock is not None:
            connection.sock.settimeout(remaining)
        return connection

    def _give_back(self, connection, kept):
        """A connection whose answer was not read to its end is of no more use."""
        if kept is None:
            connection.close()
        self._connections.put(kept)


class Unanswered(Exception):
    """The request failed before an answer began; the cause says why."""


def read_refusal(response):
    """Reads the body of a refusal; {} if it is none of Fairlead's."""
    try:
        body = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return body if isinstance(body, dict) else {}


def wait_before(attempt, error):
    """How long to wait before that attempt; None: don't make it."""
    if attempt > MAX_ATTEMPTS:
        return None
    if isinstance(error, RefusedError):
        if not error.temporary:
            return None
        if error.retry_after > 0:
            return error.retry_after
    return random.uniform(0, min(FIRST_BACKOFF * 2 ** (attempt - 2), MAX_BACKOFF))


def retry_after(headers):
    """What retry-after-ms says, or else Retry-After: seconds or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if wait > 0:
            return wait
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        return max((date - datetime.datetime.now(datetime.timezone.utc)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def main():
    url, key = os.environ.get("FAIRLEAD_URL"), os.environ.get("FAIRLEAD_KEY")
    if not url or not key or len(sys.argv) < 2:
        print('usage: FAIRLEAD_URL=... FAIRLEAD_KEY=... python3 client.py "question"', file=sys.stderr)
        return 2
    client = FairleadClient(url, key)
    try:
        answer = client.chat([{"role": "user", "content": sys.argv[1]}])
    except RefusedError as error:
        print(f"failed: {error} ({error.code}), request {error.request_id}", file=sys.stderr)
        return 1
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(answer["content"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
