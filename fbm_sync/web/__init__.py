"""The daemon's own small web server on loopback: is it alive, is it ready, what does it count.

Here: `/healthz`, `/readyz`, `/metrics`. Not here: anything that calls Amazon or changes an offer; what
is shown is read from the ledger. Only `daemon` may call it.
"""
