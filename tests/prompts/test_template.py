from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest

from prompts.errors import TemplateError
from prompts.template import list_templates, load_bytes, load_template

YES_NO = {"audience", "in-context", "recency-focused", "sequential", "shared-question"}
NAMES = sorted(YES_NO | {"choice", "graded", "likelihood", "listwise"})


def source(name: str = "sequential", language: str = "en") -> str:
    file = resources.files("prompts") / "templates" / f"{name}.{language}.yaml"
    return file.read_text(encoding="utf-8")


def changed(old: str, new: str, name: str = "sequential") -> bytes:
    text = source(name)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return text.replace(old, new).encode()


def test_each_template_is_there_in_both_languages() -> None:
    assert [(ref.name, ref.language) for ref in list_templates()] == [(n, lang) for n in NAMES for lang in ("en", "zh")]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_what_its_name_says(name: str, language: str) -> None:
    template = load_template(name, language)
    assert (template.name, template.ref.language) == (name, language)
    assert template.kind == ("yes-no" if name in YES_NO else name)
    assert (template.sections.labels is None) == (template.kind != "yes-no")
    assert template.ref.digest == hashlib.sha256(source(name, language).encode()).hexdigest()[:12]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shared_question_differs_from_sequential_in_its_question_alone(language: str) -> None:
    shared, plain = (load_template(name, language).sections.model_dump() for name in ("shared-question", "sequential"))
    differing = {name for name in plain if plain[name] != shared[name]}
    assert differing == {"name", "question", "answer", "demonstration"}


def test_both_languages_know_the_same_domains() -> None:
    domains = {frozenset(load_template(name, lang).sections.words) for name in NAMES for lang in ("en", "zh")}
    assert len(domains) == 1


def test_words_of_a_domain_and_of_an_unknown_one() -> None:
    template = load_template("sequential")
    assert template.words("Books").noun == "book"
    assert template.words("movies") == template.words("films")
    assert template.words("garden gnomes") == template.words(None) == template.words("default")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(TemplateError, match=r"no template named 'sequental'; did you mean 'sequential'\?"):
        load_template("sequental")
    with pytest.raises(TemplateError, match=r"no template named 'zzz'; shipped: audience, choice, graded"):
        load_template("zzz")


def test_an_unknown_language_is_answered_with_the_known_ones() -> None:
    with pytest.raises(TemplateError, match=r"'likelihood' does not exist in language 'fr'; it exists in en, zh"):
        load_template("likelihood", "fr")


def test_a_name_cannot_leave_the_folder() -> None:
    with pytest.raises(TemplateError, match="no template named"):
        load_template("../templates/sequential")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(changed("name: sequential", "name: mine"))
    assert load_template(str(path)).name == "mine"
    with pytest.raises(TemplateError, match="its language is 'en', but 'zh' is asked for"):
        load_template(str(path), "zh")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"none\.yml: cannot read this template file \(No such file"):
        load_template(str(tmp_path / "none.yml"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not readable as YAML in UTF-8"),
        (b"a: [", "not readable as YAML in UTF-8"),
        (b"", "a template is a mapping of sections"),
        (b"- 1", "a template is a mapping of sections"),
        (b"!!python/object/apply:os.getcwd []", "not readable as YAML"),
    ],
)
def test_content_that_is_no_template(content: bytes, message: str) -> None:
    with pytest.raises(TemplateError, match=f"^bad.yaml: {message}") as caught:
        load_bytes(content, "bad.yaml")
    assert "\n" not in str(caught.value)


def answered() -> str:
    """The template sequential, with the candidate in its answer."""
    text = source().replace(" Answer Yes or No.\\n{label}: {candidate}", "", 1).replace("\\n{label}: {chosen}", "", 1)
    return text.replace('"Answer:"', '"{label}: {candidate}?"', 1).replace(
        '"Answer: Yes"', '"{label}: {chosen}? Yes"', 1
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{candidate}?", "{person}?", "question of a yes-no template needs {candidate} exactly once"),
        ("{candidate}?", "{candidate} {candidate}", "answer of a yes-no template needs {candidate} exactly once"),
        ("{chosen}? Yes", "{chosen} Yes", "must be answer and labels.affirmative together, '{label}: {chosen}? Yes'"),
        (
            "untitled: untitled",
            'untitled: x\nnow: "Then {last}"',
            "now has no place where the answer holds {candidate}",
        ),
    ],
)
def test_a_mistake_in_a_yes_no_template_whose_answer_holds_the_candidate_is_named(
    old: str, new: str, message: str
) -> None:
    assert answered().count(old) == 1
    with pytest.raises(TemplateError, match=re.escape(message)):
        load_bytes(answered().replace(old, new).encode(), "mine.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: one", "version: Input should be a valid integer"),
        ("version: 1", "version: 0", "version: Input should be greater than or equal to 1"),
        ("kind: yes-no", "kind: maybe", "kind: Input should be 'yes-no', 'likelihood'"),
        ("  default: &items {", "  others: &items {", "words.default is missing"),
        ("label: Book}", "label: '{noun}'}", "words.books.label: this section takes no placeholder and no brace"),
        ("untitled: untitled\n", "", "section untitled is missing"),
        ("untitled: untitled\n", "untitled: x\nextra: x\n", "section extra is unknown"),
        ('  line: "- {title}"\n', "", "section history.line is missing"),
        ('"- {title}"', '"- {tilte}"', "history.line: unknown placeholder {tilte}; known here: label, noun"),
        ('"- {title}"', '"-"', "history.line: placeholder {title} is needed exactly once, found 0 times"),
        ('"- {title}"', '"{title} {title}"', "placeholder {title} is needed exactly once, found 2 times"),
        ('"- {title}"', '"- {title!r}"', "history.line: 'title' is not a plain placeholder"),
        ('"- {title}"', '"- {title:>99}"', "history.line: 'title' is not a plain placeholder"),
        ('"- {title}"', '"- {title.__class__}"', "'title.__class__' is not a plain placeholder"),
        ('"- {title}"', '"- {}"', "history.line: '' is not a plain placeholder"),
        ('"- {title}"', '"- {title"', "history.line: expected '}' before end of string"),
        ('ask for: {query}"', 'ask for: {candidate}"', "query: unknown placeholder {candidate}"),
        ('\\n{label}: {candidate}"', '"', "question of a yes-no template needs {candidate} exactly once"),
        (": {candidate}", ":{candidate}", "question of a yes-no template needs {candidate} exactly once"),
        (": {candidate}", ":  {candidate}", "question: only one space may stand before {candidate}"),
        ('answer: "Answer:"', 'answer: "{candidate}:"', "unknown placeholder {candidate} in answer"),
        ('answer: "Answer:"', 'answer: "{label}:"', "unknown placeholder {label} in answer of a yes-no template"),
        ('labels: {affirmative: " Yes", negative: " No"}\n', "", "labels is missing, a yes-no template needs it"),
        ('affirmative: " Yes"', "affirmative: Yes", "labels.affirmative: Input should be a valid string"),
        ('negative: " No"', 'negative: " Yes"', "labels.affirmative and labels.negative are the same"),
        ("{label}: {chosen}", "{label}:", "demonstration: placeholder {chosen} is needed exactly once"),
        ('assistant: "Answer: Yes"', 'assistant: "Yes"', "demonstration.assistant must be answer and labels.affirm"),
    ],
)
def test_a_mistake_in_a_yes_no_template_is_named_with_its_file(old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load_bytes(changed(old, new), "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'answer: "{label}: {candidate}"',
            'answer: "{label}: {candidate}."',
            "likelihood template ends in {candidate}",
        ),
        (
            "untitled: untitled\n",
            'untitled: x\nlabels: {affirmative: "a", negative: "b"}\n',
            "labels has no place in a",
        ),
        ("untitled: untitled\n", 'untitled: x\nnow: "Then {last}"\n', "now has no place in a likelihood template"),
        ("untitled: untitled\n", 'untitled: x\ngrades: ["1", "2"]\n', "grades has no place in a likelihood template"),
    ],
)
def test_what_a_likelihood_template_must_not_have(old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)):
        load_bytes(changed(old, new, "likelihood"), "mine.yaml")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("graded", 'grades: ["1", "2", "3", "4", "5"]\n', "", "grades is missing, a graded template needs it"),
        ("graded", '["1", "2", "3", "4", "5"]', '["1"]', "grades: Tuple should have at least 2 items"),
        ("graded", '["1", "2", "3", "4", "5"]', '["1", "1"]', "two of '1', '1' are the same"),
        ("graded", 'assistant: "Grade: 5"', 'assistant: "Grade: 1"', "must be answer and grades together, 'Grade: 5'"),
        ("graded", 'answer: "Grade: "', 'answer: "{label} "', "unknown placeholder {label} in answer of a graded"),
        ("graded", "{label}: {candidate}", "{label}:", "question of a graded template needs {candidate} exactly once"),
        ("choice", '  line: "{option}. {title}"', '  line: "{title}"', "options.line: placeholder {option} is needed"),
        ("choice", "with its letter.", "with its letter. {candidate}", "unknown placeholder {candidate} in question"),
        ("choice", '[" A", ', '[" B", ', "two of ' B', ' B'"),
        (
            "choice",
            "untitled: untitled\n",
            'untitled: x\nnow: "Then {last}"\n',
            "now has no place in a choice template",
        ),
    ],
)
def test_a_mistake_in_a_template_of_labels_is_named(name: str, old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)):
        load_bytes(changed(old, new, name), "mine.yaml")


def test_a_likelihood_question_must_not_hold_the_candidate() -> None:
    with pytest.raises(TemplateError, match=r"unknown placeholder \{candidate\} in question"):
        load_bytes(changed('question: "Which', 'question: "{candidate} Which', "likelihood"), "mine.yaml")
