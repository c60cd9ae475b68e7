"""Several accounts at the same time: each has request limits of its own, so none has to wait for another.

Here: the threads. Not here: what is done for an account (`cycle`), nor what may be done by several threads at
once (everything that `wiring` builds).
"""

import contextvars
import threading
from collections.abc import Callable, Sequence


def for_each(names: Sequence[str], work: Callable[[str], None], *, at_once: bool) -> None:
    """Do the work for each name, in turn or in threads, and raise the first error once all are done.

    An error ends the turn of its own name alone when they work at once; one after the other, it ends all.
    Whoever interrupts us does not wait for the threads: what they have recorded is kept, as after a kill.
    """
    if not at_once:
        for name in names:
            work(name)
        return
    errors: dict[str, BaseException] = {}

    def guarded(name: str) -> None:
        try:
            work(name)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors[name] = error

    threads = [
        threading.Thread(
            target=contextvars.copy_context().run, args=(guarded, name), name=f"account {name}", daemon=True
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        if name in errors:
            raise errors[name]
