from __future__ import annotations

from collections.abc import Iterator

import pytest

from retrieval.sample.catalogue import sample_items
from service.chat.lexicon import Lexicon, load_lexicon
from service.chat.rules import RuleReader
from service.chat.vocabulary import Vocabulary, build_vocabulary
from tests.service.chat.talk import Talk, open_talk, shop_items


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return load_lexicon()


@pytest.fixture(scope="session")
def sample(lexicon: Lexicon) -> Vocabulary:
    return build_vocabulary({item.item_id: item for item in sample_items()}, lexicon)


@pytest.fixture(scope="session")
def shop(lexicon: Lexicon) -> Vocabulary:
    return build_vocabulary({item.item_id: item for item in shop_items()}, lexicon)


@pytest.fixture(scope="session")
def reader() -> RuleReader:
    return RuleReader()


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with open_talk(tmp_path_factory.mktemp("talk")) as opened:
        yield opened
