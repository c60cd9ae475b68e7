"""The store, where the flows meet: everything the daemon remembers, in SQLite or PostgreSQL.

Here: the tables, the books that fill and read them, the schema's migrations, the database's own errors
in plain words. Not here: decisions (`domain`) and when to open a transaction (`flows`). Rows never leave
this folder: what goes in and comes out are domain values. Only `wiring` may call it, through
`ledger.open_ledger`; the libraries behind it take most of a second to import, so this file imports none.
"""
