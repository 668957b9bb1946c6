"""openai and anthropic for Python while the upstream breaks off, at every event of
an answer and inside each: neither may show a part of an answer as the whole."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai

from check import ENV, mock_model, run

WIDTH = 8  # calls at one time
PLAIN = "echo"  # nothing of the model's name is in the answer then
MESSAGES = [{"role": "user", "content": "Hé 漢字 😀"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]}
MESSAGES_TOOLS = {"tools": [{"name": "weather", "input_schema": CITY}]}
CHAT = openai.OpenAI(base_url=ENV["FAIRLEAD_URL"] + "/v1", api_key=ENV["APP_KEY"], max_retries=0)
CLAUDE = anthropic.Anthropic(base_url=ENV["FAIRLEAD_URL"], api_key=ENV["APP_KEY"], max_retries=0)


# A reading is what a program gets that uses an SDK in one way: it appends what it
# is shown to seen, returns what it takes for the end of the answer, and raises
# what it is told of an error.


def chat_iterated(model, tools, seen):
    finish = None
    for chunk in CHAT.chat.completions.create(model=model, messages=MESSAGES, stream=True, **(CHAT_TOOLS if tools else {})):
        delta = chunk.choices[0].delta
        seen.append(delta.content or (delta.tool_calls[0].function.arguments if delta.tool_calls else "") or "")
        finish = chunk.choices[0].finish_reason or finish
    return finish


def chat_choice(choice, seen):
    calls = choice.message.tool_calls
    seen.append(calls[0].function.arguments if calls else choice.message.content)
    return choice.finish_reason


def chat_helped(model, tools, seen):
    with CHAT.chat.completions.stream(model=model, messages=MESSAGES, **(CHAT_TOOLS if tools else {})) as stream:
        return chat_choice(stream.get_final_completion().choices[0], seen)


def chat_whole(model, tools, seen):
    return chat_choice(CHAT.chat.completions.create(model=model, messages=MESSAGES, **(CHAT_TOOLS if tools else {})).choices[0], seen)


def ask(model, tools):
    return {"model": model, "max_tokens": 1000, "messages": MESSAGES, **(MESSAGES_TOOLS if tools else {})}


def claude_iterated(model, tools, seen):
    finish = None
    for event in CLAUDE.messages.create(stream=True, **ask(model, tools)):
        delta = getattr(event, "delta", None)
        seen.append(getattr(delta, "text", None) or getattr(delta, "partial_json", None) or "")
        finish = getattr(delta, "stop_reason", None) or finish
    return finish


def claude_message(message, seen):
    block = message.content[0]
    seen.append(block.text if block.type == "text" else json.dumps(block.input))
    return message.stop_reason


def claude_helped(model, tools, seen):
    with CLAUDE.messages.stream(**ask(model, tools)) as stream:
        return claude_message(stream.get_final_message(), seen)


def claude_whole(model, tools, seen):
    return claude_message(CLAUDE.messages.create(**ask(model, tools)), seen)


# Each with what it is told in a stream; before the answer begins that is a 502.
READINGS = {
    "openai iterator": (chat_iterated, "APIError"),
    "openai helper": (chat_helped, "APIError"),
    "openai whole": (chat_whole, None),
    "anthropic iterator": (claude_iterated, "APIStatusError 200"),
    "anthropic helper": (claude_helped, "APIStatusError 200"),
    "anthropic whole": (claude_whole, None),
}


def lengths(provider, tools, whole):
    """The lengths of the events, or of the one body, that the upstream sends."""
    claude = provider == "claude"
    body = {"model": mock_model(PLAIN), "messages": MESSAGES, "max_tokens": 1000}
    if tools:
        body |= MESSAGES_TOOLS if claude else CHAT_TOOLS
    if not whole:
        body |= {"stream": True} if claude else {"stream": True, "stream_options": {"include_usage": True}}
    request = urllib.request.Request(
        ENV["MOCK_URL"] + ("/v1/messages" if claude else "/v1/chat/completions"),
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "X-Api-Key": ENV["MOCK_KEY"], "Anthropic-Version": "2023-06-01"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        sent = response.read()
    return [len(sent) - 1] if whole else [len(event) + 2 for event in sent.split(b"\n\n")[:-1]]


def cuts(of):
    """Where to cut: before each event and inside it; at every byte if that is asked for."""
    for n, length in enumerate(of):
        for at in range(length) if ENV.get("FAIRLEAD_PROOF") else (0, 1, length // 2, length - 1):
            yield from (f"cut={n}:{at}", f"clean={n}:{at}")


def show(read, model, tools):
    """What a program is shown: (said, finish) or (seen so far, error)."""
    seen = []
    try:
        finish = read(model, tools, seen)
    except (openai.APIError, anthropic.APIError) as err:
        status = getattr(err, "status_code", "")
        return "".join(seen), f"{type(err).__name__} {status}".strip()
    return "".join(seen), finish


def every_cut(name, provider, tools):
    read, in_stream = READINGS[name]
    told = {"InternalServerError 502", in_stream} - {None}
    said, finish = show(read, f"{provider}/{mock_model(PLAIN)}", tools)
    assert said and finish in ("stop", "end_turn", "tool_calls", "tool_use"), (said, finish)

    def one(flags):
        seen, error = show(read, f"{provider}/{mock_model(PLAIN + '+' + flags)}", tools)
        assert error in told, (flags, seen, error)
        assert said.startswith(seen), (flags, seen, said)
        return error

    with ThreadPoolExecutor(WIDTH) as pool:
        shown = list(pool.map(one, cuts(lengths(provider, tools, in_stream is None))))
    assert set(shown) == told, set(shown)
    return ", ".join(f"{shown.count(error)} x {error}" for error in sorted(told))


CASES = {
    f"case_{name} from {provider}{' with a tool' * tools}": lambda name=name, provider=provider, tools=tools: every_cut(name, provider, tools)
    for name in READINGS
    for provider in ("upstream", "claude")
    for tools in (False, True)
}
run(CASES, 600 if ENV.get("FAIRLEAD_PROOF") else 30)
