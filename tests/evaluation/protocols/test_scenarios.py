from itertools import pairwise

import pytest

from evaluation.errors import RunConfigError
from evaluation.protocols.config import CrossDomain, ScenarioConfig
from evaluation.protocols.scenarios import check_domains, hides_history, reordered, variants
from tests.evaluation.protocols.small_corpus import Took, corpus_of, everyone, ids, past


def test_scenarios_have_names_and_the_full_case_comes_first() -> None:
    config = ScenarioConfig(
        history=(0, 3),
        cross_domain=(CrossDomain(history="books", target="films"),),
        shuffled_candidates=5,
        reversed_candidates=4,
        shuffled_history=2,
    )
    assert [each.name for each in variants(config)] == [
        "full",
        "history-0",
        "history-3",
        "cross-domain-books-films",
        "shuffled-candidates",
        "reversed-candidates",
        "shuffled-history",
    ]
    hiding = {each.name for each in variants(config) if hides_history(each.name)}
    assert hiding == {"history-0", "history-3", "cross-domain-books-films"}
    assert [each.name for each in variants(ScenarioConfig())] == ["full"]


def test_histories_are_cut_to_their_latest() -> None:
    full = past("a", "b", "c", "d")
    cut = {each.name: ids(each.history(full, "one", 0)) for each in variants(ScenarioConfig(history=(0, 1, 3, 9)))}
    assert cut == {
        "full": ["a", "b", "c", "d"],
        "history-0": [],
        "history-1": ["d"],
        "history-3": ["b", "c", "d"],
        "history-9": ["a", "b", "c", "d"],
    }


def test_a_history_of_one_domain() -> None:
    (_, cross) = variants(ScenarioConfig(cross_domain=(CrossDomain(history="books", target="films"),)))
    mixed = (*past("a"), *past("b", "c", domain="books"))
    assert ids(cross.history(mixed, "one", 0)) == ["b", "c"]


@pytest.mark.parametrize("length", [2, 3, 8])
def test_a_shuffled_history_is_another_order_in_time_as_well(length: int) -> None:
    full = past(*"abcdefgh"[:length])
    for case_id in map(str, range(20)):
        shuffled = reordered(full, case_id, 0)
        assert ids(shuffled) != ids(full)
        assert sorted(ids(shuffled)) == ids(full)
        assert all(one.timestamp < other.timestamp for one, other in pairwise(shuffled))
        assert shuffled == reordered(full, case_id, 0)
    assert reordered(past("a"), "one", 0) == past("a")
    assert reordered((), "one", 0) == ()


def test_domains_must_be_there() -> None:
    films_only = corpus_of([Took(user="a", item="x", at=0)])
    with pytest.raises(RunConfigError, match=r"has one domain \(films\)"):
        check_domains(films_only, ScenarioConfig(cross_domain=(CrossDomain(history="books", target="films"),)))
    with pytest.raises(RunConfigError, match="no domain 'boks'; did you mean 'books'"):
        check_domains(everyone(), ScenarioConfig(cross_domain=(CrossDomain(history="boks", target="films"),)))
    with pytest.raises(RunConfigError, match="needs two domains"):
        check_domains(everyone(), ScenarioConfig(cross_domain=(CrossDomain(history="films", target="films"),)))
    check_domains(films_only, ScenarioConfig())
