"""What tasks gave on hosts: results out of a run's events."""

from collections.abc import Callable

from installkit.model import EventKind, ResultFilter, ResultStatus, TaskResult, known_words, words_of

KINDS = (EventKind.TASK_RESULT, EventKind.ITEM_RESULT)


def result_filter(wanted: ResultFilter) -> Callable[[TaskResult], bool]:
    """
    Return a function that tells whether a result has one of the tasks, modules and statuses that are *wanted*.

    Raises:
        UnknownNameError: If a status is none.
    """
    tasks, modules = frozenset(words_of(wanted.get("task"))), frozenset(words_of(wanted.get("module")))
    statuses = frozenset(known_words("status", wanted.get("status"), ResultStatus))

    def _passes(result: TaskResult) -> bool:
        module = result.module or ""
        return (
            (not tasks or result.task in tasks)
            and (not statuses or result.status in statuses)
            and (not modules or module in modules or module.rpartition(".")[2] in modules)
        )

    return _passes
