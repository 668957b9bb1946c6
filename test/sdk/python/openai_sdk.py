"""openai for Python against Fairlead: one line of JSON for each case."""

import asyncio
import json
import os
import re
import secrets
import sys
import time
import traceback
import urllib.request

import openai

ENV = os.environ
CASE_DEADLINE_S = 15
MESSAGES = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def options(**given):
    return {"base_url": ENV["FAIRLEAD_URL"] + "/v1", "api_key": ENV["APP_KEY"], "max_retries": 0, **given}


CLIENT = openai.OpenAI(**options())


def mock_model(flags):
    return f"mock+{flags}+id=python{secrets.token_hex(6)}"


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


async def wait_for(what, seconds, done):
    start = time.monotonic()
    while not done():
        assert time.monotonic() - start < seconds, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.005)


async def stopped(model):
    await wait_for("the mock sees that the client left", 1, lambda: mock_stats(model)["aborted"] == 1)
    await wait_for("the slot is given back", 1, lambda: slots() == 0)
    assert mock_stats(model)["in_flight"] == 0


def failure(kind, call):
    try:
        call()
    except openai.OpenAIError as err:
        assert isinstance(err, kind), repr(err)
        return err
    raise AssertionError("no error was raised")


def chat(client=CLIENT, model="gpt-4o-mini", **more):
    return client.chat.completions.create(model=model, messages=MESSAGES, **more)


def counting(attempts):
    async def note(_request):
        attempts.append(time.monotonic())

    return openai.DefaultAsyncHttpxClient(event_hooks={"request": [note]})


def check_retry_headers(headers, most):
    seconds = int(headers["retry-after"])
    assert 1 <= seconds <= most, seconds
    ms = float(headers["retry-after-ms"])
    assert (seconds - 1) * 1000 < ms <= seconds * 1000, (seconds, ms)


async def waits_before_retry(**given):
    """Retries are left on; after 0.9 s, less than any wait, there was one attempt."""
    attempts = []
    client = openai.AsyncOpenAI(**options(http_client=counting(attempts), max_retries=2, **given))
    try:
        await asyncio.wait_for(chat(client), 0.9)
    except asyncio.TimeoutError:
        assert len(attempts) == 1, attempts
        return
    raise AssertionError("the call ended")


def case_lists_models():
    ids = [model.id for model in CLIENT.models.list()]
    assert "upstream/gpt-4o-mini" in ids, ids
    assert [CLIENT.models.retrieve(name).id for name in ids] == ids


def case_retrieves_a_model():
    assert CLIENT.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"
    assert CLIENT.models.retrieve("upstream/gpt-4o-mini").object == "model"


def case_retrieving_an_unknown_model_is_404():
    err = failure(openai.NotFoundError, lambda: CLIENT.models.retrieve("nope"))
    assert err.code == "model_not_found", err.code


def case_chats():
    raw = CLIENT.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)
    answer = raw.parse()
    assert answer.choices[0].message.content.startswith("Fairlead mock: model gpt-4o-mini")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens > 0
    assert re.fullmatch(r"req_\d+_\d+", raw.headers["x-request-id"]), raw.headers
    assert "x-fairlead-queue-ms" in raw.headers


def case_names_a_providers_model():
    answer = chat(model="upstream/gpt-4o-mini")
    assert answer.choices[0].message.content.startswith("Fairlead mock: model gpt-4o-mini")


def case_sends_unknown_fields_on():
    chat(extra_body={"next_weeks_field": {"deep": [1, "é", None]}})
    assert json.loads(mock_stats()["last_body"])["next_weeks_field"] == {"deep": [1, "é", None]}


def case_streams_without_usage():
    chunks = list(chat(model=mock_model("tokens=5"), stream=True))
    assert len(chunks) >= 6
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said.startswith("Fairlead mock:"), said
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)


def case_streams_with_usage():
    chunks = list(chat(model=mock_model("tokens=5+usage=7:5"), stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)


def case_streams_with_the_helper():
    with CLIENT.chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content.startswith("Fairlead mock:")


def case_calls_tools_and_takes_their_results():
    asked = chat(tools=[WEATHER]).choices[0]
    assert asked.finish_reason == "tool_calls"
    call = asked.message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "mock"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    answer = CLIENT.chat.completions.create(
        model="gpt-4o-mini", messages=[*MESSAGES, asked.message.model_dump(exclude_none=True), result], tools=[WEATHER]
    )
    assert "3 message" in answer.choices[0].message.content


def case_streams_tool_calls():
    chunks = list(chat(tools=[WEATHER], stream=True))
    said = "".join(call.function.arguments for chunk in chunks for call in chunk.choices[0].delta.tool_calls or [])
    assert json.loads(said) == {"city": "mock"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def case_embeds():
    model = "text-embedding-3-small"
    compact = CLIENT.embeddings.create(model=model, input=["a", "b"])
    plain = CLIENT.embeddings.create(model=model, input=["a", "b"], encoding_format="float")
    assert len(compact.data) == 2
    pairs = zip(compact.data[1].embedding, plain.data[1].embedding)
    assert all(abs(a - b) < 1e-6 for a, b in pairs)


def case_a_bad_key_is_401():
    client = openai.OpenAI(**options(api_key="fl-test-of-nobody-at-all"))
    err = failure(openai.AuthenticationError, lambda: chat(client))
    assert err.code == "invalid_api_key", err.code
    assert err.request_id.startswith("req_")


def case_an_unknown_model_is_404():
    err = failure(openai.NotFoundError, lambda: chat(model="nope"))
    assert err.code == "model_not_found", err.code


def case_a_bad_request_is_400():
    err = failure(
        openai.BadRequestError, lambda: CLIENT.chat.completions.create(model="gpt-4o-mini", messages=[])
    )
    assert err.param == "messages", err.param


async def case_over_the_rate_is_429():
    limited = openai.OpenAI(**options(api_key=ENV["LIMITED_KEY"]))
    chat(limited)
    err = failure(openai.RateLimitError, lambda: chat(limited))
    check_retry_headers(err.response.headers, 60)
    assert err.response.headers["x-should-retry"] == "true"
    await waits_before_retry(api_key=ENV["LIMITED_KEY"])


async def case_a_blocked_app_is_not_retried():
    attempts = []
    client = openai.AsyncOpenAI(**options(api_key=ENV["FLOODING_KEY"], http_client=counting(attempts), max_retries=2))
    try:
        await chat(client)
    except openai.RateLimitError as err:
        assert err.response.headers["x-should-retry"] == "false"
        check_retry_headers(err.response.headers, 50)
    else:
        raise AssertionError("no error was raised")
    assert len(attempts) == 1, attempts


async def case_a_full_service_is_503():
    base_url = ENV["FAIRLEAD_BUSY_URL"] + "/v1"
    err = failure(openai.InternalServerError, lambda: chat(openai.OpenAI(**options(base_url=base_url))))
    assert err.status_code == 503, err
    check_retry_headers(err.response.headers, 3600)
    await waits_before_retry(base_url=base_url)


async def case_retries_after_retry_after():
    for status in (429, 503):
        model, attempts = mock_model(f"{status}+retry_after=1+times=1"), []
        client = openai.AsyncOpenAI(**options(http_client=counting(attempts), max_retries=2))
        answer = await chat(client, model)
        assert answer.choices[0].message.content.startswith("Fairlead mock:")
        assert mock_stats(model)["total"] == 2
        if len(attempts) > 1:
            assert attempts[1] - attempts[0] >= 0.99, attempts


def case_an_upstreams_failure_is_a_502():
    for flags in ("500", "status=401", "html", "empty", "malformed=1", "cut=1", "error_midstream=1"):
        err = failure(openai.InternalServerError, lambda: chat(model=mock_model(flags)))
        assert err.status_code == 502 and err.code, (flags, err)


def case_a_stream_that_fails_at_once_is_a_502():
    for flags in ("500", "html", "empty", "cut=0", "error_midstream=0"):
        err = failure(openai.InternalServerError, lambda: chat(model=mock_model(flags), stream=True))
        assert err.status_code == 502, (flags, err)


def case_a_broken_stream_raises():
    for flags in ("cut=3", "nodone", "nofinish", "malformed=3", "error_midstream=3"):
        seen = []
        stream = chat(model=mock_model(flags), stream=True)

        def read():
            for chunk in stream:
                seen.append(chunk)

        failure(openai.APIError, read)
        assert len(seen) >= 2, (flags, seen)


async def case_aborting_a_stream_stops_the_upstream():
    model = mock_model("pace=20ms+tokens=500")
    with chat(model=model, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    await stopped(model)


async def case_aborting_before_the_first_byte_stops_the_upstream():
    model = mock_model("hang")
    client = openai.AsyncOpenAI(**options())
    call = asyncio.create_task(chat(client, model))
    start = time.monotonic()
    while mock_stats(model)["in_flight"] != 1:
        assert time.monotonic() - start < 2, "the call did not arrive"
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert call.cancelled()
    await stopped(model)


async def one(check):
    if asyncio.iscoroutinefunction(check):
        await asyncio.wait_for(check(), CASE_DEADLINE_S)
    else:
        await asyncio.wait_for(asyncio.to_thread(check), CASE_DEADLINE_S)


def main():
    failed = False
    for name, check in list(globals().items()):
        if not name.startswith("case_"):
            continue
        detail = ""
        try:
            asyncio.run(one(check))
        except Exception:  # every failure is told, whatever it is
            detail, failed = traceback.format_exc(), True
        print(json.dumps({"case": name[5:].replace("_", " "), "ok": detail == "", "detail": detail}), flush=True)
    sys.exit(1 if failed else 0)


main()
