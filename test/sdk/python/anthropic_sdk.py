"""anthropic for Python against Fairlead. PROVIDER names the upstream: one that
speaks Anthropic's API, or one that is reached by translation."""

import json
import re
import time

import anthropic

from check import ENV, check_retry_headers, failure, mock_model, mock_stats, run, stopped, through

DIRECT = ENV["PROVIDER"] == "claude"
MESSAGES = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def make(**given):
    return anthropic.Anthropic(**{"base_url": ENV["FAIRLEAD_URL"], "api_key": ENV["APP_KEY"], "max_retries": 0, **given})


CLIENT = make()


def ask(client=CLIENT, model="mock", **more):
    return client.messages.create(**{"model": through(model), "max_tokens": 1000, "messages": MESSAGES, **more})


def read(stream):
    with stream:
        return list(stream)


def case_chats():
    raw = CLIENT.messages.with_raw_response.create(model=through("mock+usage=7:5"), max_tokens=100, messages=MESSAGES)
    answer = raw.parse()
    assert answer.content[0].text.startswith("Fairlead mock: model mock")
    assert (answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("end_turn", 7, 5)
    assert re.fullmatch(r"req_\d+_\d+", raw.headers["request-id"]), raw.headers
    assert raw.headers["request-id"] == raw.headers["x-request-id"]


def case_sends_what_it_says_beside_the_body():
    CLIENT.beta.messages.create(
        model=through("mock"), max_tokens=100, messages=MESSAGES, betas=["a-2026-01-01", "b-2026-01-01"], extra_query={"x": "1"}
    )
    last = mock_stats()["last"]
    if not DIRECT:
        assert last["query"] == "", last
        return
    assert (last["path"], last["query"]) == ("/v1/messages", "x=1"), last
    assert last["header"]["Anthropic-Beta"] == ["a-2026-01-01,b-2026-01-01"], last
    assert last["header"]["Anthropic-Version"], last


def case_sends_unknown_fields_on():
    if DIRECT:
        ask(extra_body={"next_weeks_field": {"deep": [1, "é", None]}})
        assert json.loads(mock_stats()["last_body"])["next_weeks_field"] == {"deep": [1, "é", None]}


def case_streams():
    events = read(ask(model=mock_model("tokens=5+usage=7:5"), stream=True))
    assert events[0].type == "message_start" and events[-1].type == "message_stop", events
    said = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert said.startswith("Fairlead mock:"), said


def case_streams_with_the_helper():
    with CLIENT.messages.stream(model=through("mock+usage=7:5"), max_tokens=100, messages=MESSAGES) as stream:
        message = stream.get_final_message()
    assert message.content[0].text.startswith("Fairlead mock:")
    assert message.usage.output_tokens == 5


def case_calls_tools_and_takes_their_results():
    asked = ask(tools=[WEATHER])
    assert asked.stop_reason == "tool_use"
    assert asked.content[0].input == {"city": "mock"}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": asked.content[0].id, "content": "sunny"}]}
    answer = ask(tools=[WEATHER], messages=[*MESSAGES, {"role": "assistant", "content": asked.content}, result])
    assert "3 message" in answer.content[0].text


def case_streams_tool_calls():
    with CLIENT.messages.stream(model=through("mock"), max_tokens=100, messages=MESSAGES, tools=[WEATHER]) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert message.content[0].input == {"city": "mock"}


def case_counts_tokens():
    assert CLIENT.messages.count_tokens(model=through("mock"), messages=MESSAGES).input_tokens > 0


def case_a_bad_key_is_401():
    err = failure(anthropic.AuthenticationError, lambda: ask(make(api_key="fl-test-of-nobody-at-all")))
    assert err.body["error"]["code"] == "invalid_api_key", err.body
    assert err.request_id.startswith("req_")


def case_an_unknown_model_is_404():
    failure(anthropic.NotFoundError, lambda: CLIENT.messages.create(model="nope", max_tokens=9, messages=MESSAGES))


def case_a_bad_request_is_400():
    failure(anthropic.BadRequestError, lambda: ask(messages=[]))


def case_over_the_rate_is_429():
    limited = make(api_key=ENV["LIMITED_KEY"])
    ask(limited)
    err = failure(anthropic.RateLimitError, lambda: ask(limited))
    check_retry_headers(err.response.headers, 60)
    assert err.response.headers["x-should-retry"] == "true"


def case_a_blocked_app_is_not_retried():
    start = time.monotonic()
    err = failure(anthropic.RateLimitError, lambda: ask(make(api_key=ENV["FLOODING_KEY"], max_retries=2)))
    assert err.response.headers["x-should-retry"] == "false"
    assert time.monotonic() - start < 1


def case_a_full_service_is_503():
    err = failure(anthropic.InternalServerError, lambda: ask(make(base_url=ENV["FAIRLEAD_BUSY_URL"])))
    assert err.status_code == 503, err
    assert err.body["error"]["type"] == "overloaded_error", err.body
    check_retry_headers(err.response.headers, 3600)


def case_retries_after_retry_after():
    model = mock_model("429+retry_after=1+times=1")
    start = time.monotonic()
    answer = ask(make(max_retries=2), model)
    assert answer.content[0].text.startswith("Fairlead mock:")
    assert mock_stats(model)["total"] == 2
    assert time.monotonic() - start >= 0.99


def case_an_upstreams_failure_is_a_502():
    for flags in ("500", "status=401", "html", "empty", "malformed=1", "cut=1"):
        err = failure(anthropic.InternalServerError, lambda: ask(model=mock_model(flags)))
        assert err.status_code == 502, (flags, err)


def case_a_broken_stream_raises():
    for flags in ("cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"):
        failure(anthropic.APIError, lambda: read(ask(model=mock_model(flags), stream=True)))


def case_a_stream_that_is_cut_anywhere_raises():
    for n in range(12 if DIRECT else 10):  # events up to the last
        failure(anthropic.APIError, lambda: read(ask(model=mock_model(f"tokens=6+cut={n}"), stream=True)))


def case_aborting_a_stream_stops_the_upstream():
    model = mock_model("pace=20ms+tokens=500")
    with ask(model=model, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    stopped(model)


run(globals())
