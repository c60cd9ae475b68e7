"""The emulated Sellers API: in which marketplace the seller sells, and whether offers are suspended there."""

from __future__ import annotations

import pytest

from amazon_models import faults_of
from emulated import MARKET, Shop

PATH = "/sellers/v1/marketplaceParticipations"


def participations(**scenario):
    answer = Shop(**scenario).ask("GET", PATH)
    assert answer.status_code == 200
    return answer.json()


def test_the_seller_takes_part_in_the_marketplace_of_the_scenario():
    (one,) = participations()["payload"]
    assert one["marketplace"] == {
        "id": MARKET,
        "name": "Amazon.com",
        "countryCode": "US",
        "defaultCurrencyCode": "USD",
        "defaultLanguageCode": "en_US",
        "domainName": "www.amazon.com",
    }
    assert one["participation"] == {"isParticipating": True, "hasSuspendedListings": False}


def test_a_suspended_seller_is_told_so():
    (one,) = participations(suspended=True)["payload"]
    assert one["participation"]["hasSuspendedListings"] is True


@pytest.mark.parametrize("marketplace_id", [MARKET, "A1PA6795UKMFR9", "A2Q3Y263D00KWC"])
def test_participations_are_what_amazons_model_says(marketplace_id):
    document = participations(marketplace_id=marketplace_id)
    assert document["payload"][0]["marketplace"]["id"] == marketplace_id
    assert faults_of("sellers.json", "GetMarketplaceParticipationsResponse", document) == []


def test_the_sixteenth_question_in_a_row_is_one_too_many_for_a_minute():
    shop = Shop(rate_factor=1)
    assert [shop.ask("GET", PATH).status_code for _ in range(16)] == [200] * 15 + [429]
    shop.advance(seconds=63)
    assert shop.ask("GET", PATH).status_code == 200


def test_who_is_not_let_in_learns_nothing():
    assert Shop().ask("GET", PATH, headers={}).status_code == 403
