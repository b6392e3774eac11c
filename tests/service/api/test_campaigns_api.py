"""Campaigns over HTTP, from a file to a click that is charged for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ranking.calibration.file import scores_digest, write_calibration
from ranking.factory import choose_fusion
from ranking.settings import load_settings, with_scenario
from retrieval.record import Record
from service.api.app import create_app
from tests.ranking.calibration.fitted import calibration
from tests.service.api.test_experiments import open_shop

BODY: dict[str, Any] = {"item_id": "i6", "bid": 0.25, "daily_budget": "1.5", "currency": "EUR"}
ADS = """
about: two paid places
settings:
  retrieval: {n_candidates: 2}
  ads: {places: [1, 3], floor: 0, holdout: 0}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[TestClient]:
    """Sells places beside lists of two; ann took i0, and i1 to i4 are what others took."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "ads.yaml").write_text(ADS, encoding="utf-8")
    settings = load_settings(home=tmp_path, strategy="likelihood", tuned=False)
    sells = with_scenario(settings, "ads")
    write_calibration(tmp_path, calibration(scores_digest=scores_digest(sells, choose_fusion(sells))))
    with TestClient(create_app(partial(open_shop, settings))) as running:
        yield running


def record_of(tmp_path: Path) -> Record:
    return Record.open(str(tmp_path / "record.db"))


def test_a_campaign_is_made_replaced_listed_and_deleted(client: TestClient) -> None:
    made = client.put("/v1/campaigns/c", json={**BODY, "targeting": ["age=20..30", "country!=DE"]})
    assert made.status_code == 201
    assert made.json() == client.get("/v1/campaigns/c").json()
    told = made.json()
    assert (told["bid"], told["daily_budget"], told["targeting"]) == ("0.25", "1.5", ["age=20..30", "country!=DE"])
    again = client.put("/v1/campaigns/c", json={name: told[name] for name in told if name != "campaign_id"})
    assert (again.status_code, again.json()) == (200, told), "what is told can be sent back"
    client.put("/v1/campaigns/d", json=BODY)
    first = client.get("/v1/campaigns", params={"limit": 1}).json()
    assert [one["campaign_id"] for one in first["campaigns"]] == ["c"]
    second = client.get("/v1/campaigns", params={"limit": 1, "cursor": first["cursor"]}).json()
    assert ([one["campaign_id"] for one in second["campaigns"]], second["cursor"]) == (["d"], None)
    assert client.delete("/v1/campaigns/c").status_code == 204
    assert client.delete("/v1/campaigns/c").status_code == client.get("/v1/campaigns/c").status_code == 404


@pytest.mark.parametrize(
    ("slip", "status"),
    [
        ({"bid": -1}, 422),
        ({"bid": 1e15}, 422),
        ({"bid": 0.0000001}, 422),
        ({"bid": 2}, 400),
        ({"starts_at": 10, "ends_at": 5}, 400),
        ({"targeting": ["age>=30", "age<=20"]}, 400),
        ({"targeting": ["grown up"]}, 400),
        ({"item_id": "gone"}, 404),
        ({"cap_per_day": 0}, 422),
        ({"creative": ""}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_campaigns_that_cannot_run_are_problems(client: TestClient, slip: dict[str, Any], status: int) -> None:
    refused = client.put("/v1/campaigns/c", json={**BODY, **slip})
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    assert client.get("/v1/campaigns").json()["campaigns"] == []


def test_a_file_is_taken_row_by_row(client: TestClient) -> None:
    head = "campaign_id,item_id,bid,daily_budget,currency,creative\n"
    rows = 'a,i1,0.1,1,EUR,"Two\nlines"\nb,gone,0.1,1,EUR,\nc,i2,-1,1,EUR,\na,i3,0.1,1,EUR,later\n'
    told = client.post("/v1/campaigns/bulk", content=head + rows, headers={"content-type": "text/csv"})
    assert told.status_code == 200, told.text
    done = told.json()
    assert (done["read"], done["inserted"], done["repeated"], done["rejected"]) == (4, 1, 1, 2)
    assert [reject["line"] for reject in done["rejects"]] == [4, 5]
    assert client.get("/v1/campaigns/a").json()["item_id"] == "i3"
    refused = client.post("/v1/campaigns/bulk", content="campaign_id,prize\na,1\n")
    assert refused.status_code == 400
    assert "no column 'prize'" in refused.json()["detail"]


def test_what_is_paid_for_stands_apart_and_its_first_click_is_charged(shop: TestClient, tmp_path: Path) -> None:
    asked = {"user_id": "ann", "n": 2, "scenario": "ads"}
    plain = shop.post("/v1/recommend", json=asked).json()
    assert plain["sponsored"] == []
    assert any("no campaign runs now" in note for note in plain["notes"])
    shop.put("/v1/campaigns/c", json={**BODY, "creative": "See it <b>now</b>"})
    shop.put("/v1/campaigns/d", json={**BODY, "item_id": "i7", "bid": 0.1})
    answer = shop.post("/v1/recommend", json=asked).json()
    assert [(one["item_id"], one["rank"], one["score"]) for one in answer["items"]] == [
        (one["item_id"], one["rank"], one["score"]) for one in plain["items"]
    ]
    first, second = answer["sponsored"]
    assert (first["sponsored"], first["campaign_id"], first["slot"]) == (True, "c", 1)
    assert (first["creative"], second["slot"]) == ("See it <b>now</b>", 3)
    assert first["reason"].startswith("Paid for by an advertiser")
    given = {"user_id": "ann", "item_id": "i6", "kind": "click", "request_id": answer["request_id"]}
    for feedback_id in ("one", "one", "two"):
        told = shop.post("/v1/feedback", json={**given, "feedback_id": feedback_id})
        assert (told.status_code in {200, 201}, told.json()["rank"]) == (True, None)
    assert shop.post("/v1/feedback", json={**given, "rank": 1}).status_code == 400
    assert shop.post("/v1/feedback", json={**given, "item_id": "i5"}).status_code == 400, "shown nowhere"
    record = record_of(tmp_path)
    shows = record.ads().charges.of_request(answer["request_id"])
    record.close()
    assert [(show.campaign_id, show.charged) for show in shows] == [("c", shows[0].price), ("d", 0)]
    assert 10_000 <= shows[0].price <= 250_000


def test_lists_without_the_scenario_sell_nothing(shop: TestClient, tmp_path: Path) -> None:
    shop.put("/v1/campaigns/c", json=BODY)
    visitor = {"items": [{"item_id": "i0"}], "n": 2}
    for path, body in (("recommend", {"user_id": "ann", "n": 2}), ("session/recommend", visitor)):
        assert shop.post(f"/v1/{path}", json=body).json()["sponsored"] == []
    sold = shop.post("/v1/session/recommend", json={**visitor, "scenario": "ads"}).json()
    assert [one["campaign_id"] for one in sold["sponsored"]] == ["c"]
