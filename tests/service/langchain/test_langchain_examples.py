from __future__ import annotations

import asyncio

import pytest
from langchain_core.prompts import ChatPromptTemplate, FewShotChatMessagePromptTemplate

from service.langchain import Doors

SHOT = ChatPromptTemplate.from_messages([("user", "Liked:\n{history}"), ("assistant", "{chosen}")])


def test_other_users_choices_reach_the_prompt_as_they_are(doors: Doors) -> None:
    shots = FewShotChatMessagePromptTemplate(
        example_selector=doors.examples(), example_prompt=SHOT, input_variables=["user_id"]
    )
    prompt = ChatPromptTemplate.from_messages([shots, ("user", "And {user_id}?")])
    question, answer, _ = prompt.invoke({"user_id": "ann"}).to_messages()
    assert answer.content
    assert str(question.content).startswith("Liked:\nFilm")


def test_both_ways_give_the_same_and_nobody_gets_their_own(doors: Doors) -> None:
    selector = doors.examples()
    found = selector.select_examples({"user_id": "bob"})
    assert found == asyncio.run(selector.aselect_examples({"user_id": "bob"}))
    assert len(found) == 1
    assert all("{x}" not in one["history"] + one["chosen"] for one in found)  # bob alone took it
    assert selector.select_examples({"user_id": "new"}) == []


def test_a_title_full_of_braces_is_no_template(doors: Doors) -> None:
    shots = FewShotChatMessagePromptTemplate(
        example_selector=doors.examples(), example_prompt=SHOT, input_variables=["user_id"]
    )
    text = shots.format(user_id="ann")
    assert "Film" in text
    assert "<class" not in text


def test_examples_are_not_added_here(doors: Doors) -> None:
    with pytest.raises(TypeError, match="import"):
        doors.examples().add_example({"chosen": "x"})
