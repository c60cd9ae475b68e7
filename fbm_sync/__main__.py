"""`python -m fbm_sync` is the command `fbm-sync`."""

from fbm_sync.cli import main

main()
