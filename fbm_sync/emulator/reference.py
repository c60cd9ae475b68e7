"""The emulator's reference text, printed by the command line and quoted by the README."""

CONTROL_HELP = """\
THE EMULATED AMAZON

Answers on 127.0.0.1 as Amazon does: POST /auth/o2/token (refresh_token grant), Orders 2026-01-01
(searchOrders, getOrder) and Listings Items 2021-08-01 (getListingsItem, searchListingsItems,
patchListingsItem), with Amazon's parameter rules, request limits and error bodies. No buyer data, ever.

TIME
  The emulator has a clock of its own, shown in every Date header. It runs with real time when the
  scenario names no start_at; with start_at it stands still until advanced, unless "speed" says how many
  seconds pass per real second. Limits, access tokens, page tokens, pending payments, accepted patches
  and Amazon's own cancellations all go by it. On a clock that stands still, request limits do not
  recover either: advance it, or give a large rate_factor.

SCENARIO (a JSON object; every key is optional; without a file a shop of ten SKUs is opened)
  seller_id "A1EXAMPLE"            marketplace_id "ATVPDKIKX0DER"     timezone "America/Los_Angeles"
  start_at  ISO instant            speed 1, or 0 with start_at        seed 1: same seed, same ids
  rate_factor 1                    times Amazon's published rates and bursts
  token_seconds 3600               life of an access token
  apply_seconds 20                 from an accepted patch to its being live
  default_handling_days 2          where a SKU has none of its own
  automated_handling_days null     a number: Amazon overrides every handling time
  transit_days 3                   business days from ship-by to deliver-by
  holidays []                      ["2026-07-03"]: not business days, like Saturday and Sunday
  never_effective []               SKUs whose patches are accepted and never become live
  lead_time_alone false            true: a handling time may be sent without a quantity
  credentials null                 {"client_id", "client_secret", "refresh_token"}: the only ones let in;
                                   without it any are accepted
  listings [{"sku", "asin", "title", "product_type": "HOME", "quantity": 0, "handling_days": null,
             "restock_on": null, "price", "currency": "USD", "created_at", "issues": [Amazon's shape],
             "merchant": true (false: not sold by the seller),
             "channels": [{"fulfillment_channel_code", "quantity"}]}]
  orders   [{"created_at", "items": [{"sku", "quantity", "price"}], "order_id",
             "status": "unshipped" | "shipped" | "cancelled", "shipped_at", "cancelled_at",
             "cancelled_by": "BUYER" | "MERCHANT" | "AMAZON", "cancel_reason", "pending_seconds",
             "hidden_seconds", "ship_by", "deliver_by", "service_level", "programs"}]
             Past orders: they leave the listing's quantity as given. One left unshipped seven business
             days beyond its ship-by is cancelled by Amazon.
  faults   [...] as below

HOW AN ORDER'S DATES COME ABOUT
  From what is live, not from what was submitted, when it is placed: a restock date ahead gives the end
  of that day (of the next business day when it is none); else the handling time in business days after
  the order's local day. Days end at 23:59:59 in the marketplace's time zone.

HOW A PATCH COMES ABOUT
  Path /attributes/fulfillment_availability only. "add" and "replace" swap a channel's whole entry: what
  they do not name is wiped. "merge" changes what it names. An accepted patch is shown in
  attributes.fulfillment_availability at once and is live after apply_seconds, its quantity as an absolute
  number: units sold in between are back on sale. fulfillmentAvailability shows the live quantity.
  An order never changes a listing's lastUpdatedDate; a patch does, when accepted and when live.

CONTROL (bodies are JSON; an unreadable one answers 400 {"problems": [...]} and changes nothing)
  GET  /_emulator/state
       {"now", "counts": {"listings", "orders", "by_status", "in_flight", "requests"},
        "listings": {SKU: {"product_type", "submitted", "live_quantity", "effective_handling_days",
                           "listing_handling_days", "effective_restock_on", "in_flight"}},
        "orders": {ORDER_ID: {"status", "created_at", "updated_at", "ship_by", "deliver_by",
                              "cancel_requested", "cancelled_by", "cancel_reason", "raw",
                              "items": [{"order_item_id", "sku", "quantity", "shipped"}]}},
        "faults", "seller_id", "marketplace_id"}
  POST /_emulator/advance {"seconds": 3600}  -> {"now"}
  GET  /_emulator/requests?since=N
       {"requests": [{"n", "at", "operation", "method", "path", "status", "params", "fault"}], "last",
        "counts": {OPERATION: {STATUS: TIMES}}}; status 0 is a dropped connection; no token is ever kept
  POST /_emulator/faults   one rule, a list of rules, {"add": [rules]}, {"clear": true}
       {"operation": "searchOrders" | "getOrder" | "getListingsItem" | "searchListingsItems" |
                     "patchListingsItem" | "token" | "*" (all but token, the default),
        "skip": 0 (let so many pass first), "count": 1 (then meet so many), "forever": false,
        "status": 503, "body": "errors" | "no_errors" | "message" | "html" | "empty",
        "headers": {"Name": "value"},
        "delay_seconds": 0 (real seconds before the request is looked at; a client's hanging up ends them),
        "reset": true (connection reset, no answer), "cut": true (half an answer, then a reset),
        "page_token": "repeat" (the next page is the same page again),
        "after": true (the request takes effect first, only its answer is lost)}
       "cut" without "status" also lets the request take effect.
  POST /_emulator/orders   any of these lists, done in this order
       {"place": [{"items": [{"sku", "quantity", "price"}], "order_id", "pending_seconds",
                   "hidden_seconds" (searches show it only later), "created_at" (history: takes no units),
                   "takes_units": true (history that does), "ship_by", "deliver_by", "service_level",
                   "programs", "force": true (sell what is not there)}],
        "ship": [{"order_id", "items": [{"sku", "quantity"}] (all open units when absent), "shipped_at",
                  "carrier", "tracking_number"}],
        "request_cancel": [{"order_id", "reason"}],
        "cancel": [{"order_id", "by": "BUYER" | "MERCHANT" | "AMAZON", "reason"}],
        "raw": [a whole order in Amazon's JSON, served as it is, sections as asked for]}
       -> {"now", "place": [{"order_id", "placed", "why"}], "raw": likewise,
           "ship" | "request_cancel" | "cancel": [{"order_id", "done", "why"}]}
       A cancellation puts units back on sale, except for the reason NO_INVENTORY.
  POST /_emulator/listings  {"sku", "quantity", "handling_days", "restock_on", "clear_restock": true}
       or a list of such: a person's edit in Seller Central, live at once
       -> {"now", "listings": [{"sku", "done", "why"}]}
"""
