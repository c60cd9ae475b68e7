"""Notifications as Amazon writes them, both families of spelling, for the tests of whoever reads them."""

import itertools

SELLER, MARKET = "A1EXAMPLE", "ATVPDKIKX0DER"
POSTAL_CODE = "48110"
_numbers = itertools.count(1)


def order_change(order_id="111-0000000-0000001", *, at="2026-03-02T08:59:00Z", seller=SELLER, **summary):
    """An order that changed, with all that Amazon adds about it."""
    fact = {
        "NotificationLevel": "OrderLevel",
        "SellerId": seller,
        "AmazonOrderId": order_id,
        "OrderChangeType": "OrderStatusChange",
        "OrderChangeTrigger": {"TimeOfOrderChange": at, "ChangeReason": "Order status changed"},
        "Summary": {
            "MarketplaceId": MARKET,
            "OrderStatus": "Unshipped",
            "PurchaseDate": "2026-03-02T08:00:00Z",
            "DestinationPostalCode": POSTAL_CODE,
            "FulfillmentType": "MFN",
            "OrderType": "StandardOrder",
            "OrderItems": [],
        }
        | summary,
    }
    return capital("ORDER_CHANGE", {"OrderChangeNotification": fact})


def quantity_change(sku="MUG", *, seller=SELLER, at="2026-03-02T09:00:00Z"):
    """A listing whose quantity changed."""
    payload = {"SellerId": seller, "FulfillmentChannelCode": "DEFAULT", "Sku": sku, "Quantity": 99}
    return capital("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", payload, at=at)


def feed_finished(feed_id="53347018456"):
    """A feed that was worked off."""
    fact = {"sellerId": SELLER, "accountId": "amzn1.merchant.o.X", "feedId": feed_id, "feedType": "F"}
    return small("FEED_PROCESSING_FINISHED", {"feedProcessingFinishedNotification": fact})


def account_status(now="AT_RISK", before="NORMAL"):
    """An account that is judged differently."""
    fact = {"previousAccountStatus": before, "currentAccountStatus": now}
    return small("ACCOUNT_STATUS_CHANGED", {"accountStatusChangeNotification": fact})


def capital(kind, payload, *, at="2026-03-02T09:00:00Z"):
    """The envelope whose keys begin with capital letters."""
    return {
        "NotificationVersion": "1.0",
        "NotificationType": kind,
        "PayloadVersion": "1.0",
        "EventTime": at,
        "Payload": payload,
        "NotificationMetadata": {
            "ApplicationId": "amzn1.sellerapps.app.x",
            "SubscriptionId": "subscription",
            "PublishTime": at,
            "NotificationId": f"notification-{next(_numbers)}",
        },
    }


def small(kind, payload):
    """The envelope whose keys begin with small letters."""
    return respelled(capital(kind, payload), str.lower) | {"payload": payload}


def respelled(json, spell):
    """The same with the first letter of every key, at any depth, spelt differently."""
    if isinstance(json, list):
        return [respelled(one, spell) for one in json]
    if isinstance(json, dict):
        return {spell(key[:1]) + key[1:]: respelled(value, spell) for key, value in json.items()}
    return json


def bridged(notification):
    """A notification as EventBridge passes it on."""
    return {
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": notification["NotificationType"],
        "source": "aws.partner/sellingpartnerapi.amazon.com/123456789012/amzn1.sellerapps.app.x",
        "account": "123456789012",
        "time": "2026-03-02T09:00:01Z",
        "region": "us-east-1",
        "resources": [],
        "detail": notification,
    }
