"""
Verify what is installed on every site, and say what is not as it was: `python drift.py`, as a nightly job.

It changes nothing. What is broken is in the record from then on (`installkit status`), and the next plan repairs it.
"""

import sys

import installkit


def verify(site: installkit.Site) -> installkit.Run | None:
    """Start to verify what the record has and the catalog can verify; None where there is nothing of that."""
    recorded = {row.component for row in site.installed()}
    names = [each.name for each in site.catalog() if each.name in recorded and each.action(installkit.Action.VERIFY)]
    return site.apply(verify=names, note="drift") if names else None


def main(installer: installkit.Installer) -> int:
    """Return how many hosts are broken."""
    started = [run for site in installer.sites() if (run := verify(site))]  # on all sites side by side
    broken = 0
    for run in started:
        for failure in run.wait(timeout=3600).failures:
            print(f"{run.site}: {failure.component} on {', '.join(failure.hosts)}: {failure.summary}")
            broken += len(failure.hosts)
    return broken


if __name__ == "__main__":
    try:
        with installkit.Installer() as opened:
            sys.exit(1 if main(opened) else 0)
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
