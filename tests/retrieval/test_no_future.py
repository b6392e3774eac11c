"""Nothing that happens at or after the moment of a request changes what is retrieved or shown."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.config import ExampleSettings, RetrievalSettings
from retrieval.examples import ExampleSelector
from retrieval.record import Record
from retrieval.retriever import Retriever
from retrieval.types import Query, User
from tests.retrieval.shop import NOW, Shop, interact, open_shop

FUTURE = st.lists(
    st.tuples(
        st.sampled_from(["b", "c", "d", "new", "late"]),
        st.sampled_from(["s5", "l4", "l5"]),
        st.floats(min_value=NOW, max_value=10 * NOW),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(future=FUTURE)
def test_the_future_changes_nothing(tmp_path: Path, future: list[tuple[str, str, float, bool]]) -> None:
    record = Record.open(str(tmp_path / "record.db"))
    try:
        if not record.counts().items:
            open_shop(record)
            record.put_users([User(user_id="late")])
        before = Shop(record)
        query = Query(user_id="a", text="film", as_of=NOW)
        expected = before.ask(query)
        record.put_interactions([interact(u, i, t, liked=liked) for u, i, t, liked in future])
        after = Shop(record)
        got = after.ask(query)
        assert got == expected
        assert after.retriever.retrieve(Query(as_of=NOW), 20) == before.retriever.retrieve(Query(as_of=NOW), 20)
        shown = ExampleSelector(record, after.index, ExampleSettings(shots=5, liked_only=False)).select(got)
        assert all(past.timestamp < NOW for past in shown.history)
        for one in shown.demonstrations:
            assert one.chosen_at < NOW
            assert all(past.timestamp < one.chosen_at for past in one.history)
        assert Retriever(record, after.index, after.embedder, RetrievalSettings()).retrieve(query, 20) == expected
    finally:
        record.close()
