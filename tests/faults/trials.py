"""A fault is tried many times, each time at another moment; a seed says which, so that any trial can be had again."""

import queue
import random
from concurrent.futures import ThreadPoolExecutor


def run_trials(count, seed, trial, sites):
    """
    Call *trial* with a site and a source of random numbers, *count* times, on all *sites* at once.

    What is random in the n-th trial depends on *seed* and n alone.
    """
    free = queue.SimpleQueue()
    for site in sites:
        free.put(site)

    def _carry_out(number):
        site = free.get()
        try:
            trial(site, random.Random(f"{seed}-{number}"))  # noqa: S311 - moments, not secrets
        except BaseException as exc:
            exc.add_note(f"in trial {number} of seed {seed}")
            raise
        finally:
            free.put(site)

    with ThreadPoolExecutor(len(sites)) as threads:
        try:
            for _ in threads.map(_carry_out, range(count)):
                continue
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
