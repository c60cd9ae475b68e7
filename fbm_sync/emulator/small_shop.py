"""The shop that is opened where nobody names another."""

from __future__ import annotations

from fbm_sync.emulator.listings.patches import SELECTOR
from fbm_sync.emulator.shop import JsonObject


def default_scenario() -> JsonObject:
    """A small shop of ten SKUs: most in stock, one sold out, one on back-order, one also sold by Amazon."""
    listings: list[JsonObject] = [
        {
            "sku": f"SHOP-{number:02d}",
            "asin": f"B0SHOP{number:04d}",
            "title": title,
            "product_type": "HOME",
            "quantity": quantity,
            "handling_days": None,
            "price": price,
        }
        for number, (title, quantity, price) in enumerate(
            [
                ("Stoneware mug, blue", 40, "14.90"),
                ("Oak chopping board", 25, "32.00"),
                ("Linen apron", 18, "27.50"),
                ("Cast-iron skillet, 10 inch", 12, "44.00"),
                ("Glass storage jars, set of 3", 30, "21.00"),
                ("Beeswax candle, pair", 60, "11.25"),
                ("Wool blanket, grey", 6, "89.00"),
                ("Copper kettle", 0, "74.00"),
                ("Bamboo laundry basket", 9, "38.40"),
                ("Ceramic planter, large", 15, "29.00"),
            ],
            start=1,
        )
    ]
    listings[3]["handling_days"] = 3
    listings[8]["channels"] = [{SELECTOR: "AMAZON_NA", "quantity": 20}]
    return {"listings": listings}
