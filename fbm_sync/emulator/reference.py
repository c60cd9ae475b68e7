"""The emulator's reference text, printed by the command line and quoted by the README."""

CONTROL_HELP = """\
THE EMULATED AMAZON

Answers on 127.0.0.1 as Amazon does: POST /auth/o2/token (refresh_token grant, and client_credentials
with the scope sellingpartnerapi::notifications for grantless operations), Orders 2026-01-01
(searchOrders, getOrder), Listings Items 2021-08-01 (getListingsItem, searchListingsItems,
patchListingsItem), Feeds 2021-06-30 (createFeedDocument, createFeed, getFeed, getFeeds, cancelFeed,
getFeedDocument) and Reports 2021-06-30 (createReport, getReport, getReports, cancelReport,
getReportDocument; no schedules), with documents at signed addresses on the same host, Sellers v1
(getMarketplaceParticipations) and Notifications v1 (createDestination, getDestinations, getDestination,
deleteDestination, createSubscription, getSubscription, getSubscriptions, getSubscriptionById,
deleteSubscriptionById) with delivery to real SQS queues. With Amazon's parameter rules, request limits
and error bodies. No buyer data, ever.

HOW TO POINT A CLIENT AT IT
  Set the client's SP-API endpoint to http://127.0.0.1:PORT and its LWA token address to
  http://127.0.0.1:PORT/auth/o2/token; use the seller_id and marketplace_id of the scenario. Any client
  id, client secret and refresh token are let in unless the scenario names "credentials". Requests carry
  the access token in x-amz-access-token and are not signed. A client that insists on Amazon's host names
  needs a transport that sends them here; no certificate is involved. Requests the emulator does not know
  answer 404 and say so.

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
                                   without it any are accepted; "former_client_secret" is good as well
                                   until its rotation is ended
  suspended false                  true: Sellers says that the listings are suspended
  sqs_endpoint null                the SQS address notifications are sent to, e.g. that of a local stand-in;
                                   without it none leaves. Needs pip install 'fbm-sync[notifications]'
  event_bridge_queue null          name, URL or ARN of the queue there that stands for bus, rule and target
  notification_seconds 0           from what happens to its being told
  notifications_lost 0             share that never arrives, drawn from the seed
  notifications_duplicated 0       share that arrives twice, under one notification id
  account_status "NORMAL"          or "AT_RISK", "DEACTIVATED"
  document_compression "GZIP"      or "none": how results and reports are stored
  feed_queue_seconds 10            a feed waits so long, and for those before it
  feed_seconds 20                  and is then worked on so long
  feeds_frozen false               true: no feed is started
  report_seconds 30                from createReport to the document: half queued, half in progress
  report_interval_seconds 0        a type asked again within it is cancelled
  report_charset "UTF-8"           of the tables; "Cp1252" is what Amazon often sends
  performance_spelling "schema"    or "example": the other key names found in Amazon's own example
  listings [{"sku", "asin", "title", "product_type": "HOME", "quantity": 0, "handling_days": null,
             "restock_on": null, "price", "currency": "USD", "created_at", "issues": [Amazon's shape],
             "merchant": true (false: not sold by the seller),
             "channels": [{"fulfillment_channel_code", "quantity"}]}]
  orders   [{"created_at", "items": [{"sku", "quantity", "price"}], "order_id",
             "status": "unshipped" | "shipped" | "cancelled", "shipped_at", "cancelled_at",
             "cancelled_by": "BUYER" | "MERCHANT" | "AMAZON", "cancel_reason", "pending_seconds",
             "hidden_seconds", "ship_by", "deliver_by", "service_level", "programs",
             "delivered_at" (else transit_days after shipping), "untracked": true (no tracking number)}]
             Past orders: they leave the listing's quantity as given. One left unshipped seven business
             days beyond its ship-by is cancelled by Amazon.
  faults   [...] and chaos {...} as below

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
  A patch of a SKU nobody knows is accepted too, as Amazon does, and never seen again. No listing is part
  of another: variationParentSku and packageHierarchySku find nothing.

HOW A FEED COMES ABOUT
  createFeedDocument gives an address that takes one PUT-ted content for five minutes, with exactly the
  content type named before; createFeed queues it. Feeds run one at a time in the order they came. The
  result document is a processing report. JSON_LISTINGS_FEED changes listings just as patches do: UPDATE
  replaces the whole availability, PARTIAL_UPDATE the entries it names, PATCH does what it says, DELETE
  ends the listing. UPDATE passes other attributes over with a warning and creates no SKU. A message with
  an error changes nothing and leaves the others alone. The feed as a whole is FATAL, and nothing of it
  applied, when it is not JSON, names another seller or version, has over 25,000 messages, a messageId
  missing or twice, or a negative quantity anywhere. Any other feed type ends FATAL and says so.
  Limit: 5 JSON_LISTINGS_FEED in five minutes, in place of createFeed's own.

HOW A REPORT COMES ABOUT
  GET_MERCHANT_LISTINGS_ALL_DATA and GET_FLAT_FILE_OPEN_LISTINGS_DATA: one row a SKU.
  GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL: one row an item, orders last updated from
  dataStartTime to dataEndTime (both default to the request's own time), columns about the buyer empty.
  GET_V2_SELLER_PERFORMANCE_REPORT: JSON, from what really happened; late by the ship time of the parcel
  that completed the order (30 days of ship-bys), cancelled by the seller unasked or by Amazon after
  ship-by (7 days of new orders), tracked parcels (30 days), delivered in time (14 days of deliver-bys,
  the last 7 days left out). Any other type is refused. A parcel arrives after transit_days, or when it
  was said: from then on its order shows it as DELIVERED, which is an update of the order.
  Tables are tab-separated without quoting: a quote stands for itself, tabs and line ends become blanks,
  what the charset lacks becomes "?". A report without a row is CANCELLED. It shows the moment it is done.
  A document's address works for five minutes, then answers 403 in XML, as does a wrong signature.

HOW A NOTIFICATION COMES ABOUT
  createDestination takes the ARN of a standard SQS queue (it must exist at sqs_endpoint) or the region and
  account of an EventBridge bus; createSubscription names a type and a payload version. Told are:
  ORDER_CHANGE (SQS) when an order is placed, ready, shipped or cancelled, and when the buyer asks for a
  cancellation; raw orders are not told. LISTINGS_ITEM_MFN_QUANTITY_CHANGE (EventBridge) on every change
  of a live quantity; LISTINGS_ITEM_ISSUES_CHANGE (EventBridge; 1.0, 2023-12-13) on every change of a
  listing's issues. ACCOUNT_STATUS_CHANGED, FEED_PROCESSING_FINISHED and REPORT_PROCESSING_FINISHED (SQS).
  A subscription is told what happens after it was made. ORDER_CHANGE can be filtered by orderChangeTypes
  and marketplaceIds; filter expressions are refused. What cannot be delivered stands under "undelivered"
  in the state. Sending does not hold up requests; each message is tried three times.

CONTROL (bodies are JSON; an unreadable one answers 400 {"problems": [...]} and changes nothing)
  GET  /_emulator/state
       {"now", "counts": {"listings", "orders", "by_status", "in_flight", "requests"},
        "listings": {SKU: {"product_type", "submitted", "live_quantity", "effective_handling_days",
                           "listing_handling_days", "effective_restock_on",
                           "in_flight": [{"submission_id", "due_at", "changes"}]}},
        "orders": {ORDER_ID: {"status", "created_at", "updated_at", "ship_by", "deliver_by",
                              "cancel_requested", "cancelled_by", "cancel_reason", "raw",
                              "items": [{"order_item_id", "sku", "quantity", "shipped"}]}},
        "notifications": {"announced", "lost", "duplicated", "sent", "waiting", "failed",
                          "destinations", "subscriptions"},
        "undelivered": [{"queue", "why", "message"}],
        "account_status", "feeds": {FEED_ID: {"type", "status"}}, "reports": likewise,
        "faults": [{"operation", "count", "skip", "does"}], "seller_id", "marketplace_id"}
  POST /_emulator/advance {"seconds": 3600}  -> {"now"}
  GET  /_emulator/requests?since=N
       {"requests": [{"n", "at", "operation", "method", "path", "status", "params", "fault"}], "last",
        "counts": {OPERATION: {STATUS: TIMES}}}; status 0 is a dropped connection; no token is ever kept
  POST /_emulator/faults   one rule, a list of rules, {"add": [rules]}, {"clear": true}, {"chaos": {...}}
       {"operation": "searchOrders" | "getOrder" | "getListingsItem" | "searchListingsItems" |
                     "patchListingsItem" | "token" | "*" (all but token, the default),
                     or any other operation above, "uploadDocument", "downloadDocument",
        "skip": 0 (let so many pass first), "count": 1 (then meet so many), "forever": false,
        "status": 503, "body": "errors" | "no_errors" | "message" | "html" | "empty",
        "headers": {"Name": "value"},
        "delay_seconds": 0 (real seconds before the request is looked at; a client's hanging up ends them),
        "reset": true (connection reset, no answer), "cut": true (half an answer, then a reset),
        "gzip": "cut" (a document's compression ends too early, in a body of the right length),
        "charset": "wrong" (a document says UTF-8, its bytes are windows-1252),
        "redirect": true (302 to a page of HTML),
        "json": "cut" (breaks off in the middle, the length is right) | "list" (a list around the object),
        "slow": 0.5 (a right answer, in pieces over so many real seconds),
        "tokens": "expire" (all access tokens expire as the request comes in),
        "page_token": "repeat" (the next page is the same page again),
        "page": "duplicate" (the same, but then the walk goes on) | "reorder" (this page and the next are
                shuffled together),
        "touch": 3 (so many orders of a searchOrders walk change after the page; those that thereby leave
                the window asked for are not shown by the pages to come),
        "enum": "unknown" (a word nobody knows in every list of words of orders and listings),
        "missing": "optional" (orders and listings hold only what Amazon's model requires),
        "after": true (the request takes effect first, only its answer is lost)}
       "cut" and "json" without "status" also let the request take effect.
       {"chaos": {"share": 0.3, "seed": 1, "operations": ["*"], "kinds": [...]}}: for each request that no
       rule meets a trouble is drawn, the same ones for a seed and an order of requests; a share of 0 or
       {"clear": true} ends it. Kinds: 429, 429-retry-after, 500-errors, 500-no-errors, 503-html, 503-empty,
       503-after, 403-message, redirect, reset, reset-after, cut, json-cut, json-list, delay, slow,
       expire-tokens, page-duplicate, page-reorder, touch, enum-unknown, missing-optional. Usual without
       "kinds": 429, 503-html, 500-errors, 403-message, reset, cut, json-cut, redirect, slow, expire-tokens.
  POST /_emulator/orders   any of these lists, done in this order
       {"place": [{"items": [{"sku", "quantity", "price"}], "order_id", "pending_seconds",
                   "hidden_seconds" (searches show it only later), "created_at" (history: takes no units),
                   "takes_units": true (history that does), "ship_by", "deliver_by", "service_level",
                   "programs", "force": true (sell what is not there)}],
        "ship": [{"order_id", "items": [{"sku", "quantity"}] (all open units when absent), "shipped_at",
                  "carrier", "tracking_number", "untracked": true, "delivered_at"}],
        "request_cancel": [{"order_id", "reason"}],
        "cancel": [{"order_id", "by": "BUYER" | "MERCHANT" | "AMAZON", "reason"}],
        "raw": [a whole order in Amazon's JSON, served as it is, sections as asked for]}
       -> {"now", "place": [{"order_id", "placed", "why"}], "raw": likewise,
           "ship" | "request_cancel" | "cancel": [{"order_id", "done", "why"}]}
       A cancellation puts units back on sale, except for the reason NO_INVENTORY.
  POST /_emulator/listings  {"sku", "quantity", "handling_days", "restock_on", "clear_restock": true}
       or a list of such: a person's edit in Seller Central, live at once; "issues": [Amazon's shape] is
       what Amazon finds fault with from then on
       -> {"now", "listings": [{"sku", "done", "why"}]}
  POST /_emulator/feeds     {"frozen": true | false}: no feed is started until false  -> {"now", "feeds"}
  POST /_emulator/account   {"status": "NORMAL" | "AT_RISK" | "DEACTIVATED"}  -> {"now", "account_status"}
  POST /_emulator/tokens    any of {"expire": true} (all access tokens, at once), {"new_client_secret": "x"}
       (the secret it replaces stays good) and {"end_rotation": true} (only the newest secret is good)
  POST /_emulator/notifications {"flush": true, "within_seconds": 30}: waits until all that is due was sent
       -> {"now", "flushed", "notifications", "undelivered"}
"""
