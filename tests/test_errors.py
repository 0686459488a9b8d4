"""The errors of installkit: what is shown of them, and that they survive the way to another process."""

import copy
import pickle
import traceback

import pytest

import installkit

HOLDER = {"run": "7f3c00000000", "by": "ann", "since": "2026-01-01T00:00:00Z", "doing": "1 to install"}

ERRORS = [
    pytest.param(installkit.PlanningError("no", remedy="try again"), id="plain"),
    pytest.param(installkit.UnknownNameError("no name", remedy="choose one of: a"), id="also a LookupError"),
    pytest.param(installkit.DefinitionError([installkit.Issue("a.yml", "bad", 1)], remedy="mend it"), id="issues"),
    pytest.param(installkit.StalePlanError(["the site changed", "a file changed"]), id="stale"),
    pytest.param(installkit.SiteLockedError("acme", HOLDER), id="locked"),
    pytest.param(installkit.RunFailedError("failed", None, remedy="installkit show 7f3c"), id="failed run"),
]


def itself(error):
    return error


def sent(error):
    """Return what another process gets of *error*."""
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - it is our own


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("handed", [itself, copy.copy, copy.deepcopy, sent])
def test_a_traceback_ends_with_the_remedy_once(error, handed):
    """Also that of a copy, which says and holds what the original does."""
    got = handed(error)
    printed = "".join(traceback.format_exception(got))

    assert printed.endswith(f"{error}\n→ {error.remedy.as_call()}\n")
    assert 1 == printed.count(error.remedy.as_call())
    assert (type(error), str(error), vars(error)) == (type(got), str(got), vars(got))


def test_an_error_without_a_remedy_has_no_note():
    error = installkit.DependencyCycleError(["a", "b", "a"])
    printed = "".join(traceback.format_exception(sent(error)))

    assert printed.endswith("components require each other: a → b → a\n")


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("resume", "7f3c"), "site.resume('7f3c')"),
        (
            ("resume", "7f3c", "--ignore-check", "host.disk=WHY"),
            "site.resume('7f3c', ignore_checks={'host.disk': 'WHY'})",
        ),
        (("watch", "7f3c"), "installer.run('7f3c').wait()"),
    ],
)
def test_a_remedy_is_a_command_or_a_call(words, call):
    remedy = installkit.Remedy("go on", words)

    assert f"go on: {call}" == remedy.as_call()
    assert f"go on: installkit {' '.join(words)}" == str(remedy)
