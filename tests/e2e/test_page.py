"""The page in a real headless Chromium, against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright  # noqa: E402 - after the skip

from service.keys.key import Scope  # noqa: E402
from service.keys.ring import KeyRing  # noqa: E402
from tests.e2e.page_shop import BITING, write_reports  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@dataclass(kw_only=True)
class Seen:
    """What a page did beside what it shows."""

    page: Page
    home: str
    wrong: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def watch(self) -> None:
        page = self.page
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self.hosts.add(re.split(r"(?<!/)/(?!/)", asked.url)[0]))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.e2e.page_shop", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page") / "shop"
    write_reports(folder / "runs")
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Root cannot have Chromium's sandbox, as in most containers.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@contextmanager
def visited(browser: Browser, home: str) -> Iterator[Seen]:
    context = browser.new_context(locale="en-US", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    watched = Seen(page=context.new_page(), home=home)
    watched.watch()
    watched.page.goto(home)
    yield watched
    context.close()
    assert watched.wrong == []
    assert watched.hosts == {home}


@pytest.fixture
def seen(browser: Browser, home: str) -> Iterator[Seen]:
    with visited(browser, home) as watched:
        yield watched


def titles(page: Page) -> list[str]:
    return page.locator("#list .title bdi").all_inner_texts()


def settled(page: Page) -> None:
    expect(page.locator("#list:not([aria-busy]) > li").first).to_be_visible()


def begin(page: Page, user: str) -> None:
    page.get_by_label("Or somebody the store knows").fill(user)
    page.keyboard.press("Enter")
    settled(page)


def test_a_user_gets_a_list_with_reasons_and_sources(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-09")
    expect(page.locator("#list > li")).to_have_count(10)
    expect(page.locator("#list .reason")).to_have_count(10)
    page.locator("#list summary").first.click()
    expect(page.locator("#list .tag").first).to_contain_text("place")
    expect(page.locator("#list table").first).to_contain_text("popularity")


def test_a_like_ranks_anew_at_once_and_can_be_taken_back(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-10")
    before = titles(page)
    page.get_by_role("button", name=f"Like {before[3]}", exact=True).press("Enter")
    expect(page.get_by_role("status").filter(has_text=f"You like “{before[3]}”.")).to_be_visible()
    settled(page)
    assert before[3] not in titles(page)
    expect(page.locator("#list .moved").first).to_be_visible()
    assert page.evaluate("document.activeElement.closest('#list') !== null")  # the keyboard stays where it was
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#list-told")).to_contain_text("Taken back.")
    settled(page)
    assert titles(page) == before


def test_what_is_paid_for_is_marked_in_both_languages_and_moves_nothing(seen: Seen) -> None:
    page, asked = seen.page, list[str]()
    begin(page, "viewer-07")
    before = titles(page)

    def sell(route: Route) -> None:
        asked.append(str(route.request.post_data))
        answer = route.fetch()
        told = answer.json()
        item = {"item_id": "i39", "title": BITING, "domain": "films", "attributes": {"year": 1979}}
        paid = {"sponsored": True, "slot": 2, "campaign_id": "c", "probability": 0.1, "creative": "<b>Buy</b>"}
        route.fulfill(response=answer, json={**told, "sponsored": [{**item, **paid, "reason": "Paid for."}]})

    page.route("**/v1/recommend", sell)
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#list > li.paid")).to_be_visible()
    assert titles(page) == [before[0], BITING, *before[1:]]
    paid = page.locator("#list > li").nth(1)
    expect(paid.locator(".mark")).to_have_text("Sponsored: an advertiser pays for this place")
    expect(paid).to_contain_text("<b>Buy</b>")
    assert paid.locator(".place").count() == 0, "it has no rank"
    assert page.locator("#list .mark").count() == 1
    assert len(asked) == 1, "asked for reasons too, it would be sold twice"
    page.get_by_role("button", name="中文").click()
    expect(paid.locator(".mark")).to_contain_text("广告")


def test_a_newcomer_is_asked_and_the_list_follows(seen: Seen) -> None:
    page = seen.page
    page.get_by_role("button", name="I am new here").click()
    expect(page.locator("#picks-list > li")).to_have_count(8)
    settled(page)
    expect(page.locator("#list-told")).to_have_text("10 items, ranked by retrieval.")
    page.locator("#picks-list [data-kind=like]").nth(1).click()
    expect(page.locator("#list-told")).to_contain_text("The list is new")
    expect(page.locator("#picks-list [data-kind=like]").nth(1)).to_have_attribute("aria-pressed", "true")
    page.locator("#ask-reasons").uncheck()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#picks")).to_be_hidden()
    page.reload()
    settled(page)
    expect(page.locator("#who-name")).to_contain_text("visitor-")


def test_the_chat_replies_and_goes_on(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-11")
    page.get_by_label("Message").fill("comedies")
    page.keyboard.press("Enter")
    cards = page.locator("#chat-log .card")
    expect(cards).to_have_count(5)
    assert all("Comedy" in text for text in cards.all_inner_texts())
    page.get_by_label("Message").fill("others please")
    page.keyboard.press("Enter")
    expect(cards).not_to_have_count(5)
    shown = [text.splitlines()[1] for text in cards.all_inner_texts()]
    assert len(set(shown)) == len(shown)
    page.get_by_role("button", name="Start over").click()
    expect(cards).to_have_count(0)


def test_what_the_model_saw_is_the_prompt_of_the_list(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-12")
    first = titles(page)[0]
    page.get_by_role("button", name="What the model saw").click()
    expect(page.locator("#saw-status")).to_contain_text("This is the prompt of the list")
    expect(page.locator("#saw mark")).to_contain_text(first)
    expect(page.locator("#saw tbody tr")).to_have_count(10)
    expect(page.locator("#saw")).to_contain_text("candidates were ranked below the list")


def test_the_catalogue_is_paged_and_searched_and_titles_stay_text(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-01")
    page.get_by_role("button", name="Catalogue").click()
    expect(page.locator("#found > li")).to_have_count(20)
    page.get_by_role("button", name="More").click()
    expect(page.locator("#found > li")).to_have_count(40)
    page.get_by_label("Search the catalogue").fill("script")
    page.keyboard.press("Enter")
    expect(page.locator("#found .title bdi").first).to_have_text(BITING)
    page.locator("#found [data-kind=like]").first.click()
    expect(page.locator("#found [data-kind=like]").first).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="For you").click()
    expect(page.locator("#list-told")).to_contain_text(BITING)
    assert page.title() == "FewRec"
    assert page.locator("main script, main img").count() == 0


def test_chinese_and_back_and_a_phone(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-13")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="为你推荐")).to_be_visible()
    expect(page.locator("#list [data-kind=like]").first).to_have_text("喜欢")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    page.set_viewport_size({"width": 390, "height": 844})
    for view in ("为你推荐", "目录", "模型看到了什么", "对话"):
        page.get_by_role("navigation").get_by_role("button", name=view).click()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.reload()
    expect(page.get_by_role("navigation").get_by_role("button", name="目录")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("navigation").get_by_role("button", name="Catalogue")).to_be_visible()


def test_a_browser_in_chinese_starts_in_chinese(browser: Browser, home: str) -> None:
    with browser.new_context(locale="zh-CN") as context:
        page = context.new_page()
        page.goto(home)
        expect(page.get_by_role("button", name="我是新用户")).to_be_visible()


def test_refusals_are_told(seen: Seen) -> None:
    page = seen.page
    page.get_by_label("Or somebody the store knows").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no user 'nobody'")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    # The browser itself reports a refused request.
    assert [text for text in seen.wrong if "404" not in text] == []
    seen.wrong.clear()


def test_everything_that_can_be_used_has_a_name_and_a_place(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-14")
    nameless = re.compile(r"\s*- (button|textbox|searchbox|combobox|checkbox|link)\b(?! [\"/])")
    for view, shown in (
        ("For you", "#list .reason"),
        ("Catalogue", "#found .card"),
        ("What the model saw", "#saw .turn"),
    ):
        page.get_by_role("navigation").get_by_role("button", name=view).click()
        expect(page.locator(shown).first).to_be_visible()
        tree = page.locator("body").aria_snapshot()
        assert [line for line in tree.splitlines() if nameless.match(line)] == []
        for place in ("banner", "navigation", "main", "log", "status", "contentinfo"):
            assert f"- {place}" in tree
        expect(page.get_by_role("heading", name=view)).to_be_focused()
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_evaluations_need_no_user(seen: Seen) -> None:
    page = seen.page
    page.get_by_role("button", name="Evaluations").press("Enter")
    expect(page.locator("#runs-status")).to_have_text("2 reports")
    expect(page.locator("#runs-title")).to_be_focused()
    expect(page.locator("#view-chat")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()
    page.get_by_role("button", name="Switch user").click()
    begin(page, "viewer-14")
    expect(page.locator("#view-chat")).to_be_visible()
    expect(page.locator("#runs")).to_be_hidden()


def test_evaluations_are_listed_and_their_arms_compared(seen: Seen) -> None:
    page = seen.page
    begin(page, "viewer-15")
    page.get_by_role("navigation").get_by_role("button", name="Evaluations").press("Enter")
    expect(page.locator("#runs-status")).to_have_text("2 reports")
    expect(page.locator("#runs > li", has_text="torn")).to_contain_text("not a report of this version")
    entry = page.locator("#runs summary")
    expect(entry).to_contain_text("The LLM is worth it")
    expect(entry).to_contain_text("games · amazon-games · 550 cases · 2026-03-01")
    entry.press("Enter")
    rows = page.locator("#runs tbody tr")
    expect(rows).to_have_count(3)
    assert [text.split()[0][:8] for text in rows.locator("th").all_inner_texts()] == ["tuned", "embeddin", "<script>"]
    expect(rows.first).to_contain_text("58.3(55.3 to 61.3)")
    expect(rows.first).to_contain_text("+3.4(+1.0 to +6.0)")
    expect(rows.first).to_contain_text("<0.001")
    expect(rows.nth(2).locator("td").first).to_have_text("–")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#runs thead")).to_contain_text("NDCG@10 与 embedding-max 之差")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.title() == "FewRec"


def test_a_key_is_asked_for_once_sent_and_forgotten(browser: Browser, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "shop")
    reading, admin = (
        ring.create("page", scopes, now=0, expires_at=None, tenant=None).text
        for scopes in ([Scope.READ, Scope.WRITE, Scope.CHAT], [Scope.ADMIN])
    )
    with served(tmp_path / "shop") as home, visited(browser, home) as seen:
        page, dialog = seen.page, seen.page.get_by_role("dialog")
        expect(dialog).to_contain_text("This service asks for a key.")
        page.get_by_label("Key", exact=True).fill("fewrec_wrong_key")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("unknown, expired or revoked")
        page.get_by_label("Key", exact=True).fill(reading)
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        begin(page, "viewer-09")  # and all that it asks for: nobody is asked again
        page.get_by_label("Message").fill("comedies")
        page.keyboard.press("Enter")
        expect(page.locator("#chat-log .card")).to_have_count(5)
        page.get_by_role("navigation").get_by_role("button", name="Evaluations").click()
        expect(page.get_by_role("alert")).to_contain_text("The key may not do this: This key lacks the scope 'admin'.")
        assert page.evaluate("[localStorage.length, Object.values(sessionStorage)]")[0] == 0
        page.reload()
        settled(page)
        page.get_by_role("button", name="Forget the key").click()
        expect(dialog).to_be_visible()
        assert page.evaluate("Object.keys(sessionStorage)") == ["fewrec-user"]
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("alert")).to_contain_text("Without a valid key")
        page.reload()
        page.get_by_label("Key", exact=True).fill(admin)
        page.keyboard.press("Enter")
        begin(page, "viewer-10")
        page.get_by_role("navigation").get_by_role("button", name="Evaluations").click()
        expect(page.locator("#runs-status")).to_contain_text("No reports yet.")
        # The browser itself reports every refusal.
        assert [text for text in seen.wrong if "401" not in text and "403" not in text] == []
        seen.wrong.clear()
