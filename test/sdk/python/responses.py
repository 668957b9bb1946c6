"""openai's Responses API for Python, and websockets, against Fairlead: one line of
JSON for each case."""

import asyncio
import json

import openai
import websockets

from check import ENV, failure, mock_model, run, slots, wait_for

MODEL = ENV["MODEL"]
CLIENT = openai.OpenAI(base_url=ENV["FAIRLEAD_URL"] + "/v1", api_key=ENV["APP_KEY"], max_retries=0)
SOCKETS = ENV["FAIRLEAD_URL"].replace("http", "ws", 1)
ENDS = ("response.completed", "response.incomplete", "response.failed")
GREETING = "Fairlead mock:"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "name": "weather", "parameters": CITY, "strict": False}


def case_answers():
    answer = CLIENT.responses.create(model=MODEL, input="Hello")
    assert answer.status == "completed" and answer.output_text.startswith(GREETING), answer
    assert answer.usage.total_tokens > 0


def case_streams():
    events = list(CLIENT.responses.create(model=MODEL, input="Hello", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    told = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert told.startswith(GREETING) and events[-1].response.output_text == told


def case_streams_with_the_helper():
    with CLIENT.responses.stream(model=MODEL, input="Hello") as stream:
        assert stream.get_final_response().output_text.startswith(GREETING)


def case_calls_tools_and_takes_their_results():
    asked = CLIENT.responses.create(model=MODEL, input="Weather?", tools=[TOOL])
    call = next(item for item in asked.output if item.type == "function_call")
    assert json.loads(call.arguments) == {"city": "mock"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    answer = CLIENT.responses.create(model=MODEL, previous_response_id=asked.id, tools=[TOOL], input=[result])
    assert answer.status == "completed" and answer.previous_response_id == asked.id


def case_retrieves_lists_and_deletes():
    answer = CLIENT.responses.create(model=MODEL, input="Hello")
    assert CLIENT.responses.retrieve(answer.id).output_text == answer.output_text
    items = list(CLIENT.responses.input_items.list(answer.id))
    assert any(item.role == "user" for item in items), items
    CLIENT.responses.delete(answer.id)
    failure(openai.NotFoundError, lambda: CLIENT.responses.retrieve(answer.id))


def case_works_in_the_background():
    begun = CLIENT.responses.create(model=MODEL, input="Hello", background=True)
    wait_for("the response", 10, lambda: CLIENT.responses.retrieve(begun.id).status == "completed")
    assert CLIENT.responses.retrieve(begun.id).output_text.startswith(GREETING)


def case_a_broken_stream_raises():
    model = mock_model("tokens=20+cut=8")
    failure(openai.APIError, lambda: list(CLIENT.responses.create(model=model, input="Hello", stream=True)))


def case_an_unknown_response_is_not_found():
    err = failure(
        openai.BadRequestError,
        lambda: CLIENT.responses.create(model=MODEL, input="Hello", previous_response_id="resp_unknown"),
    )
    assert err.code == "previous_response_not_found", err


async def converse(path, **connecting):
    """One turn over a socket: its frames."""
    frames = []
    async with websockets.connect(SOCKETS + path, **connecting) as socket:
        await socket.send(json.dumps({"type": "response.create", "model": MODEL, "input": "Hello"}))
        while not frames or frames[-1]["type"] not in ENDS:
            frames.append(json.loads(await socket.recv()))
    return frames


def case_answers_over_a_socket():
    for path in ("/v1/responses", "/ws"):
        frames = asyncio.run(converse(path, additional_headers={"Authorization": "Bearer " + ENV["APP_KEY"]}))
        told = "".join(f["delta"] for f in frames if f["type"] == "response.output_text.delta")
        assert told.startswith(GREETING), frames
        assert (frames[0]["type"] == "session.created") == (path == "/ws"), frames[0]


def case_opens_by_subprotocol():
    offered = ["fairlead", "openai-insecure-api-key." + ENV["APP_KEY"]]
    assert asyncio.run(converse("/ws", subprotocols=offered))[-1]["type"] == "response.completed"


def case_a_bad_key_is_closed_with_1008():
    async def closed():
        async with websockets.connect(SOCKETS + "/ws", additional_headers={"X-API-Key": "wrong"}) as socket:
            try:
                await socket.recv()
            except websockets.ConnectionClosed as err:
                return err.rcvd.code
        return None

    assert asyncio.run(closed()) == 1008


def case_a_socket_that_is_gone_leaves_no_slot():
    async def leave():
        headers = {"X-API-Key": ENV["APP_KEY"]}
        async with websockets.connect(SOCKETS + "/v1/responses", additional_headers=headers) as socket:
            turn = {"type": "response.create", "model": mock_model("tokens=500+pace=20ms"), "input": "Hello"}
            await socket.send(json.dumps(turn))
            while json.loads(await socket.recv())["type"] != "response.output_text.delta":
                pass

    asyncio.run(leave())
    wait_for("the slot to be free", 2, lambda: slots() == 0)


run(globals())
