"""Amazon's Selling Partner API: the seller's orders, offers, feeds and reports.

Here: the only code that spells Amazon's field names or imports `sp_api`. `account` is the door:
`AmazonAccount(...)` offers `.orders` (an `OrderSource`), `.offers` (an `OfferChannel`), `.feeds` and
`.reports` (a `ReportSource`). Behind it each API has one module in which every call stands beside its pure
translation (`orders`, `listings`, `feeds`, `reports`; the walk through all listings is in `search`, waiting
for a feed or report in `jobs`, what reports say in `flat_files` and `performance`), and all calls pass one
choke point (`gateway`), which owns the library's classes (`clients`), access tokens (`tokens`), request
limits (`throttle`), the way to uploaded and finished documents (`documents`), retries, error names
(`answers`) and the log line. Not here: any decision about stock or promises.

Only `wiring` may call it. Importing `account` is quick: the Amazon library itself is loaded with the
first account. Nothing in here reads or asks for buyer data.
"""
