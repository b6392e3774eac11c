from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.data.types import Corpus, HeldOut
from evaluation.errors import EvaluationError, RunConfigError
from evaluation.protocols.cases import CaseSet, make_cases
from evaluation.protocols.config import (
    CrossDomain,
    EndToEnd,
    GivenSplit,
    Labelled,
    Negatives,
    ProtocolConfig,
    RatingPrediction,
    Sampled,
    ScenarioConfig,
)
from evaluation.protocols.protocol import Ask, Retrieve
from evaluation.protocols.selection import Part
from evaluation.protocols.split import split_corpus
from evaluation.types import Case
from retrieval.errors import InputError
from tests.evaluation.protocols.small_corpus import corpora, everyone, held, ids, some, training_of, without_user

FEW = Sampled(negatives=Negatives(n=4))
FULL_ONLY = ScenarioConfig()


def cases_of(
    corpus: Corpus,
    protocol: ProtocolConfig = FEW,
    scenarios: ScenarioConfig = FULL_ONLY,
    *,
    seed: int = 0,
    part: Part = "test",
    retrieve: Retrieve | None = None,
) -> CaseSet:
    split = split_corpus(corpus, protocol, seed)
    known, asked = (split.known, split.test) if part == "test" else (split.fitting_known, split.validation)
    training = training_of(corpus, known)
    return make_cases(corpus, asked, training, protocol, scenarios, seed, part=part, retrieve=retrieve)


def given_cases(asked: Sequence[HeldOut], protocol: ProtocolConfig, scenarios: ScenarioConfig = FULL_ONLY) -> CaseSet:
    corpus = everyone()
    training = training_of(corpus, split_corpus(corpus, FEW, 0).known)
    return make_cases(corpus, asked, training, protocol, scenarios, 0)


def shown(case: Case) -> list[str]:
    return [candidate.item_id for candidate in case.candidates]


class FirstUnseen:
    """Gives the first items of the catalogue that are not barred, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []

    def __call__(self, ask: Ask) -> tuple[str, ...]:
        self.asked.append(ask)
        barred = ask.exclude | set(ids(ask.history))
        return tuple(item_id for item_id in (f"i{n:02}" for n in range(40)) if item_id not in barred)[: ask.depth]


ALL_SCENARIOS = ScenarioConfig(
    history=(0, 2),
    cross_domain=(CrossDomain(history="books", target="films"),),
    shuffled_candidates=5,
    reversed_candidates=4,
    shuffled_history=3,
)


def test_cases_are_the_same_at_every_reading() -> None:
    cases = cases_of(everyone(), scenarios=ALL_SCENARIOS)
    once = list(cases)
    assert once == list(cases)
    assert len(once) == len(cases) == sum(cases.counts.values())
    assert list(cases.first(2).only("full", "history-2", "none")) == [*once[:2], *once[24:26]]
    assert len(cases.first(4)) == len(list(cases.first(4))) == sum(min(n, 4) for n in cases.counts.values())
    assert len({(case.scenario, case.case_id) for case in once}) == len(once)


@some(40)
@given(corpora(), st.integers(0, 2))
def test_a_user_less_changes_no_other_case(corpus: Corpus, seed: int) -> None:
    gone = corpus.user_ids[0]
    if len(corpus.user_ids) < 3:
        return
    protocol = Sampled(negatives=Negatives(n=3))
    full, less = split_corpus(corpus, protocol, seed), split_corpus(without_user(corpus, gone), protocol, seed)
    if not len(less.test):
        return
    # Tags follow from what is known of all users, so they may differ.
    asked = [
        {
            (case.case_id, case.scenario): (case.history, shown(case), case.target)
            for case in cases
            if case.user_id != gone
        }
        for cases in (
            cases_of(corpus, protocol, ScenarioConfig(history=(1,)), seed=seed),
            cases_of(without_user(corpus, gone), protocol, ScenarioConfig(history=(1,)), seed=seed),
        )
    ]
    assert asked[0] == asked[1]
    assert len(full.test) >= len(less.test)


def test_sampled_users_and_rows_ask_the_same_cases_as_all() -> None:
    everything = {case.case_id: case for case in cases_of(everyone())}
    some = list(cases_of(everyone(), Sampled(negatives=Negatives(n=4), users=5)))
    assert len(some) == 5
    assert all(everything[case.case_id] == case for case in some)
    assert [case.case_id for case in cases_of(everyone(), Sampled(negatives=Negatives(n=4), rows=(2, 4)))] == [
        "u02",
        "u03",
    ]
    other = [case.case_id for case in cases_of(everyone(), Sampled(users=5), seed=9)]
    assert other != [case.case_id for case in some]


def test_strangers_are_sampled_one_by_one() -> None:
    asked = [held(str(n), target="i01") for n in range(6)]
    chosen = [case.case_id for case in given_cases(asked, Sampled(split=GivenSplit(), users=3))]
    assert len(chosen) == 3
    assert [case.case_id for case in given_cases(asked[::-1], Sampled(split=GivenSplit(), users=3))] == chosen[::-1]


def test_a_sample_of_users_does_not_depend_on_those_outside_it() -> None:
    chosen = [case.case_id for case in cases_of(everyone(), Sampled(users=4))]
    gone = next(user for user in everyone().user_ids if user not in chosen)
    assert [case.case_id for case in cases_of(without_user(everyone(), gone), Sampled(users=4))] == chosen


def test_rows_and_users_are_for_the_test_and_the_validation_has_its_own_limit() -> None:
    protocol = Sampled(negatives=Negatives(n=4), rows=(0, 2), users=1, validation_users=7)
    assert len(cases_of(everyone(), protocol)) == 1
    validation = cases_of(everyone(), protocol, part="validation")
    assert len(validation) == 7
    assert all(case.case_id.startswith("validation:") and case.user_id == case.case_id[11:] for case in validation)
    assert len(cases_of(everyone(), Sampled(validation_users=None), part="validation")) == 12


def test_short_histories_and_single_interactions_are_counted() -> None:
    cases = given_cases(
        [held("none", target="i01"), held("one", "i00", target="i01")], Sampled(split=GivenSplit(), min_history=1)
    )
    assert [case.case_id for case in cases] == ["one"]
    assert cases.left_out == {"history shorter than 1": 1}
    kept = given_cases([held("none", target="i01")], Sampled(split=GivenSplit()))
    assert [case.history for case in kept] == [()]
    assert "history-none" in next(iter(kept)).tags
    single = everyone(length=1)
    with pytest.raises(RunConfigError, match="no test cases: leave-one-out needs a user who took an item after their"):
        cases_of(single)
    assert len(cases_of(everyone(), Sampled(min_history=5))) == 12


def test_a_stranger_to_the_training_data_has_no_user_id() -> None:
    known, stranger = given_cases(
        [held("a", target="i01", user_id="u01"), held("b", target="i01", user_id="elsewhere")],
        Sampled(split=GivenSplit()),
    )
    assert (known.user_id, stranger.user_id) == ("u01", None)


def test_scenarios_keep_case_candidates_and_tags() -> None:
    cases = cases_of(everyone(), scenarios=ALL_SCENARIOS)
    full = {case.case_id: case for case in cases.only("full")}
    for case in cases:
        base = full[case.case_id]
        assert (case.target, case.tags, case.user_id) == (base.target, base.tags, base.user_id)
        if case.scenario.startswith("history-"):
            assert case.candidates == base.candidates
            assert case.history == base.history[len(base.history) - int(case.scenario[8:]) :]
        elif case.scenario == "shuffled-candidates":
            assert case.history == base.history
            assert sorted(shown(case)) == sorted(shown(base))
        elif case.scenario == "reversed-candidates":
            assert case.history == base.history
            assert shown(case) == shown(base)[::-1]
        elif case.scenario == "shuffled-history":
            assert case.candidates == base.candidates
            assert case.history != base.history
    names = ("full", "history-0", "shuffled-candidates", "reversed-candidates", "shuffled-history")
    assert [cases.counts[name] for name in names] == [12, 12, 5, 4, 3]
    assert any(shown(case) != shown(full[case.case_id]) for case in cases.only("shuffled-candidates"))


def test_cross_domain_cases_have_history_and_candidates_apart_and_count_the_rest() -> None:
    name = "cross-domain-books-films"
    cases = cases_of(everyone(), scenarios=ALL_SCENARIOS)
    asked = list(cases.only(name))
    assert asked
    for case in asked:
        assert {past.item.domain for past in case.history} == {"books"}
        assert {candidate.domain for candidate in case.candidates} == {"films"}
        assert case.target in shown(case)
        assert len(case.candidates) == 5
    assert cases.left_out == {f"{name}: target of another domain": 12 - len(asked)}
    odd = [
        held("no books", "i00", target="i02", candidates=("i02", "i04")),
        held("alone", "i00", target="i02", candidates=("i02", "i01")),
    ]
    config = ScenarioConfig(cross_domain=(CrossDomain(history="films", target="films2"),))
    with pytest.raises(RunConfigError, match="no domain 'films2'"):
        given_cases(odd, Sampled(split=GivenSplit(), negatives=Negatives(source="given")), config)


def test_too_few_unseen_items_are_counted() -> None:
    asked = [held("many", *(f"i{n:02}" for n in range(30)), target="i31"), held("few", "i00", target="i31")]
    cases = given_cases(asked, Sampled(negatives=Negatives(n=19), split=GivenSplit()))
    assert [case.case_id for case in cases] == ["few"]
    assert cases.left_out == {"fewer than 19 items to draw negatives from": 1}


def test_labelled_and_rating_cases_have_one_candidate_and_no_target() -> None:
    for protocol in (Labelled(), RatingPrediction()):
        for case in cases_of(everyone(), protocol):
            assert (len(case.candidates), case.target) == (1, None)
            assert case.label in ({0.0, 1.0} if protocol.kind == "labelled" else {1.0, 2.0, 3.0, 4.0, 5.0})


def test_end_to_end_asks_retrieval_with_what_the_scenario_shows() -> None:
    retrieve = FirstUnseen()
    cases = cases_of(everyone(), EndToEnd(depth=3), ScenarioConfig(history=(1,)), retrieve=retrieve)
    full, cut = next(iter(cases.only("full"))), next(iter(cases.only("history-1")))
    first, second = retrieve.asked[0], retrieve.asked[-1]
    assert (first.history, first.exclude, first.depth, first.user_id) == (full.history, frozenset(), 3, "u00")
    # What the cut hides stays seen.
    assert second.history == full.history[-1:]
    assert second.exclude == {past.item.item_id for past in full.history[:-1]}
    assert shown(full) == list(FirstUnseen()(first))
    assert set(shown(cut)).isdisjoint(past.item.item_id for past in full.history)
    assert full.target not in shown(full)
    seen = cases_of(everyone(), EndToEnd(depth=3, seen=True), ScenarioConfig(history=(1,)), retrieve=retrieve)
    assert "retrieval gives unseen items only" in seen.notes[0]
    list(seen)
    assert retrieve.asked[-1].exclude == frozenset()
    assert not cases.notes


def test_retrieval_that_breaks_its_word_is_told() -> None:
    cases = cases_of(everyone(), EndToEnd(depth=3), retrieve=lambda ask: ("i01", "i01"))
    with pytest.raises(EvaluationError, match="case 'u00': retrieval gave an item twice"):
        list(cases)


def test_the_whole_catalogue_for_the_same_cases() -> None:
    served = cases_of(everyone(), EndToEnd(depth=3), ScenarioConfig(history=(1,)), retrieve=FirstUnseen())
    whole = cases_of(everyone(), EndToEnd(source="whole-catalogue"), ScenarioConfig(history=(1,)))
    assert [(case.case_id, case.scenario, case.tags) for case in whole] == [
        (case.case_id, case.scenario, case.tags) for case in served
    ]
    for case in whole:
        assert case.target in shown(case)
        assert len(case.candidates) == 40 - 5
    assert all(
        len(case.candidates) == 40 for case in cases_of(everyone(), EndToEnd(source="whole-catalogue", seen=True))
    )


def test_scenarios_of_the_whole_catalogue_and_of_given_lists() -> None:
    everything = tuple(everyone().items)
    whole = cases_of(everyone(), EndToEnd(source="whole-catalogue"), ALL_SCENARIOS)
    lists = [
        replace(held(case.case_id, target=case.target, candidates=everything), history=case.history)
        for case in whole.only("full")
    ]
    served = given_cases(lists, EndToEnd(split=GivenSplit(), source="given"), ALL_SCENARIOS)
    for cases in (whole, served):
        full = {case.case_id: shown(case) for case in cases.only("full")}
        crossed = list(cases.only("cross-domain-books-films"))
        assert crossed
        for case in crossed:
            assert shown(case) == [one for one in full[case.case_id] if everyone().items[one].domain == "films"]
        assert all(shown(case) == full[case.case_id][::-1] for case in cases.only("reversed-candidates"))
        for case in cases.only("shuffled-candidates"):
            assert sorted(shown(case)) == full[case.case_id] != shown(case)


def test_given_lists_end_to_end_keep_their_order_and_may_lack_the_target() -> None:
    asked = [held("one", target="i01", candidates=("i09", "i02"))]
    (case,) = given_cases(asked, EndToEnd(split=GivenSplit(), source="given"))
    assert shown(case) == ["i09", "i02"]


def test_progress_hears_of_long_reading() -> None:
    heard: list[tuple[str, int, int]] = []
    corpus = everyone()
    training = training_of(corpus, split_corpus(corpus, FEW, 0).known)
    asked = [held(str(n), "i00", target="i01") for n in range(1500)]
    make_cases(
        corpus,
        asked,
        training,
        Sampled(split=GivenSplit()),
        ScenarioConfig(),
        0,
        progress=lambda *said: heard.append(said),
    )
    assert heard == [("cases", 1000, 1500), ("cases", 1500, 1500)]


def test_fewer_users_than_wanted_are_all_asked_and_it_is_said() -> None:
    found = cases_of(everyone(), Sampled(negatives=Negatives(n=4), users=13))
    assert [case.case_id for case in found] == [case.case_id for case in cases_of(everyone(), Sampled(users=12))]
    assert found.first(2).notes == found.notes == ("users: 13 wanted, there are 12; all of them are asked",)


def test_what_the_data_cannot_serve_is_told() -> None:
    corpus = everyone()
    for protocol, told in (
        (Sampled(negatives=Negatives(n=40)), "negatives.n is 40, data set small has 40 items"),
        (Sampled(rows=(10, 13)), r"rows: \[10, 13\] goes beyond the end: there are 12 cases"),
        (EndToEnd(), "needs a store to retrieve from"),
    ):
        with pytest.raises(RunConfigError, match=told):
            cases_of(corpus, protocol)


def test_entries_that_do_not_fit_the_protocol_are_told() -> None:
    label = held("one", label=1.0, candidates=("i01",))
    target = held("one", target="i01")
    wrong: list[tuple[list[HeldOut], ProtocolConfig, str]] = [
        ([label, target], Labelled(split=GivenSplit()), "needs a label and exactly one candidate"),
        ([held("one", label=0.5, candidates=("i01",))], Labelled(split=GivenSplit()), "has label 0.5"),
        ([target, label], Sampled(split=GivenSplit()), "case 'one' has no target"),
        ([target], Sampled(split=GivenSplit(), negatives=Negatives(source="given")), "brings no candidates"),
        ([target], EndToEnd(split=GivenSplit(), source="given"), "brings no candidates"),
    ]
    with pytest.raises(RunConfigError, match="has no labels, which protocol labelled asks for"):
        given_cases([target], Labelled(split=GivenSplit()))
    with pytest.raises(RunConfigError, match="has labels instead of targets"):
        given_cases([label], Sampled(split=GivenSplit()))
    for asked, protocol, told in wrong:
        with pytest.raises(InputError, match=told):
            given_cases(asked, protocol)
