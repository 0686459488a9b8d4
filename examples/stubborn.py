"""
Install all of a site, and try again what a bad line broke: `python stubborn.py SITE`.

Only hosts that failed are tried again, and only if nothing but the way to them was broken: what a task refused would be
refused again.
"""

import argparse
import sys
import time

import installkit

WAITS = (30, 120, 600)
"""Seconds before each new try."""


def lost_hosts_alone(run: installkit.Run) -> bool:
    return all(failure.code is installkit.FailureCode.HOST_UNREACHABLE for failure in run.failures)


def install(site: installkit.Site, waits: tuple[float, ...] = WAITS) -> installkit.Run:
    run = site.apply(all=True, wait_for_lock=600).wait()
    for seconds in waits:
        if run.status is not installkit.RunStatus.FAILED or not lost_hosts_alone(run):
            break
        time.sleep(seconds)
        run = site.resume(run, failed_hosts_only=True, wait_for_lock=600).wait()
    return run.raise_for_status()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("site")
    try:
        with installkit.Installer() as installer:
            print(install(installer.site(parser.parse_args().site)).snapshot())
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
