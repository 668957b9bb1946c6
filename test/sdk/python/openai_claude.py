"""openai for Python against a provider that speaks Anthropic's API."""

import json

import openai

from check import ENV, failure, mock_model, mock_stats, run, stopped, through

MESSAGES = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLIENT = openai.OpenAI(base_url=ENV["FAIRLEAD_URL"] + "/v1", api_key=ENV["APP_KEY"], max_retries=0)


def chat(model="mock", **more):
    return CLIENT.chat.completions.create(**{"model": through(model), "messages": MESSAGES, **more})


def case_chats():
    answer = chat("mock+usage=7:5")
    assert answer.choices[0].message.content.startswith("Fairlead mock: model mock")
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 5)
    assert mock_stats()["last"]["path"] == "/v1/messages"


def case_streams_with_usage():
    chunks = list(chat(mock_model("tokens=5+usage=7:5"), stream=True, stream_options={"include_usage": True}))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said.startswith("Fairlead mock:"), said
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)


def case_streams_with_the_helper():
    with CLIENT.chat.completions.stream(model=through("mock"), messages=MESSAGES) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content.startswith("Fairlead mock:")


def case_calls_tools_and_takes_their_results():
    asked = chat(tools=[WEATHER]).choices[0]
    assert asked.finish_reason == "tool_calls"
    call = asked.message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "mock"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    answer = chat(messages=[*MESSAGES, asked.message.model_dump(exclude_none=True), result], tools=[WEATHER])
    assert "3 message" in answer.choices[0].message.content


def case_streams_tool_calls():
    chunks = list(chat(tools=[WEATHER], stream=True))
    said = "".join(call.function.arguments for chunk in chunks for call in chunk.choices[0].delta.tool_calls or [])
    assert json.loads(said) == {"city": "mock"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def case_an_upstreams_failure_is_a_502():
    for flags in ("500", "status=401", "html", "empty", "malformed=1", "cut=1"):
        err = failure(openai.InternalServerError, lambda: chat(mock_model(flags)))
        assert err.status_code == 502, (flags, err)


def case_a_broken_stream_raises():
    for flags in ("cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"):
        failure(openai.APIError, lambda: list(chat(mock_model(flags), stream=True)))


def case_aborting_a_stream_stops_the_upstream():
    model = mock_model("pace=20ms+tokens=500")
    with chat(model, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    stopped(model)


run(globals())
