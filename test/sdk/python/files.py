"""openai's files and vector stores for Python against Fairlead: one line of JSON for
each case."""

import secrets

import openai

from check import ENV, failure, run, wait_for

CLIENT = openai.OpenAI(base_url=ENV["FAIRLEAD_URL"] + "/v1", api_key=ENV["APP_KEY"], max_retries=0)
STRANGER = openai.OpenAI(base_url=ENV["FAIRLEAD_URL"] + "/v1", api_key=ENV["LIMITED_KEY"], max_retries=0)


def unique(text):
    """A text that no other case has: the same bytes are the same file."""
    return f"{text} python{secrets.token_hex(6)}\n".encode()


def upload(text, name="report.txt"):
    return CLIENT.files.create(file=(name, text), purpose="assistants")


def stored(text, **attributes):
    store = CLIENT.vector_stores.create(name="papers")
    file = upload(text)
    added = CLIENT.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, attributes=attributes, poll_interval_ms=50
    )
    assert added.status == "completed", added
    return store, file


def case_uploads_retrieves_and_lists():
    text = unique("The risks are these.")
    file = upload(text, "Bericht für 2024.txt")
    assert file.object == "file" and file.bytes == len(text) and file.purpose == "assistants", file
    assert file.filename == "Bericht für 2024.txt", file
    assert CLIENT.files.retrieve(file.id) == file or CLIENT.files.retrieve(file.id).id == file.id
    assert file.id in [f.id for f in CLIENT.files.list(limit=2)]
    assert upload(text).id == file.id


def case_gives_back_the_bytes():
    text = unique("äöü\0\r\n")
    assert CLIENT.files.content(upload(text).id).content == text


def case_streams_the_bytes():
    text = unique("a line\n" * 200_000)
    file = upload(text)
    with CLIENT.files.with_streaming_response.content(file.id) as response:
        assert b"".join(response.iter_bytes()) == text


def case_waits_for_a_file():
    file = upload(unique("Wait."))
    assert CLIENT.files.wait_for_processing(file.id, poll_interval=0.05).status == "processed"


def case_deletes():
    file = upload(unique("Gone."))
    assert CLIENT.files.delete(file.id).deleted
    failure(openai.NotFoundError, lambda: CLIENT.files.retrieve(file.id))


def case_refuses_what_it_does_not_do():
    err = failure(
        openai.BadRequestError,
        lambda: CLIENT.files.create(
            file=("x.txt", b"x"), purpose="assistants", expires_after={"anchor": "created_at", "seconds": 3600}
        ),
    )
    assert err.param == "expires_after", err


def case_vector_stores():
    store = CLIENT.vector_stores.create(name="papers", metadata={"of": "me"})
    assert store.status == "completed" and store.file_counts.total == 0 and store.metadata == {"of": "me"}, store
    assert CLIENT.vector_stores.update(store.id, name="others").name == "others"
    assert store.id in [s.id for s in CLIENT.vector_stores.list(limit=1)]
    assert CLIENT.vector_stores.delete(store.id).deleted
    failure(openai.NotFoundError, lambda: CLIENT.vector_stores.retrieve(store.id))


def case_files_of_a_store():
    store, file = stored(unique("One line."), year=2024, final=True)
    added = CLIENT.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    assert added.attributes == {"year": 2024, "final": True} and added.last_error is None, added
    changed = CLIENT.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2025})
    assert changed.attributes == {"year": 2025}, changed
    assert [f.id for f in CLIENT.vector_stores.files.list(store.id, filter="completed")] == [file.id]
    text = "".join(p.text for p in CLIENT.vector_stores.files.content(file.id, vector_store_id=store.id))
    assert "One line." in text, text
    assert CLIENT.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert CLIENT.files.retrieve(file.id).id == file.id


def case_uploads_into_a_store_and_polls():
    store = CLIENT.vector_stores.create()
    added = CLIENT.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("in.txt", unique("Straight in.")), poll_interval_ms=50
    )
    assert added.status == "completed", added


def case_uploads_a_batch_and_polls():
    store = CLIENT.vector_stores.create()
    files = [(f"{n}.txt", unique(f"Number {n}.")) for n in range(3)]
    batch = CLIENT.vector_stores.file_batches.upload_and_poll(
        store.id, files=files, file_ids=[upload(unique("Before.")).id], max_concurrency=2, poll_interval_ms=50
    )
    assert batch.status == "completed" and batch.file_counts.completed == 4, batch
    assert len(list(CLIENT.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, limit=3))) == 4


def case_cancels_a_batch_and_retrieves_it():
    store = CLIENT.vector_stores.create()
    files = [upload(unique(f"Number {n}.")) for n in range(2)]
    batches = CLIENT.vector_stores.file_batches
    batch = batches.create(store.id, file_ids=[f.id for f in files])
    now = batches.cancel(batch.id, vector_store_id=store.id)
    assert now.status in ("cancelled", "completed") and now.file_counts.total == 2, now
    for file in files:
        CLIENT.files.delete(file.id)
    later = batches.retrieve(batch.id, vector_store_id=store.id)
    assert (later.status, later.file_counts) == (now.status, now.file_counts), later


def case_searches_a_store():
    word = "zebra" + secrets.token_hex(4)
    store, file = stored(f"Something else.\n\nThe {word} is striped.\n".encode(), year=2024)

    def find():
        return CLIENT.vector_stores.search(store.id, query=word, max_num_results=3).data

    wait_for("the document to be found", 5, find)
    found = find()[0]
    assert found.file_id == file.id and found.attributes == {"year": 2024} and word in found.content[0].text, found
    assert 0 <= found.score <= 1, found


def case_another_apps_are_unknown_ones():
    store, file = stored(unique("Secret."))
    err = failure(openai.NotFoundError, lambda: STRANGER.files.retrieve(file.id))
    none = failure(openai.NotFoundError, lambda: STRANGER.files.retrieve("file-" + "0" * 24))
    assert str(err) == str(none), (err, none)
    failure(openai.NotFoundError, lambda: STRANGER.vector_stores.retrieve(store.id))


run(globals())
