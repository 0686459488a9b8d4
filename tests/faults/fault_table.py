"""Which tests show that installkit survives which fault, and a report of how often each was really tried."""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime

import attrs


@attrs.frozen
class Fault:
    """
    A fault and what shows that it is survived.

    Attributes:
        injected: How a test brings it about.
        tests: `FILE::NAME` below `tests`, without parameters.
    """

    number: str
    name: str
    injected: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "R1",
        "the client (script, command line, service) is killed",
        "SIGKILL at a random moment of a play",
        (
            "faults/test_killing.py::test_a_run_does_not_notice_that_its_client_was_killed",
            "test_runs.py::test_a_run_outlives_its_starter",
        ),
    ),
    Fault(
        "R2",
        "the same while clients stream",
        "SIGKILL of the service in the midst of a stream; the client reconnects with its cursor",
        ("test_http_streams.py::test_viewers_go_on_where_they_were_after_the_service_was_killed",),
    ),
    Fault(
        "R3",
        "a starter is killed",
        "SIGKILL before each file, folder, lock and process that a start makes",
        (
            "test_engine_start.py::test_a_starter_killed_at_any_step_leaves_one_run_or_none",
            "faults/test_starting.py::test_what_a_killed_starter_left_is_removed_by_prune_once_it_is_old",
            "faults/test_starting.py::test_a_start_that_goes_on_is_not_taken_for_a_killed_one",
        ),
    ),
    Fault(
        "R4",
        "supervisor, step process or ansible-playbook is killed",
        "SIGKILL at a random moment of a play, then a resume",
        (
            "faults/test_killing.py::test_a_part_killed_at_any_moment_ends_the_run_truly_and_resume_finishes_it",
            "test_runs.py::test_a_killed_part_takes_the_tree_below_it_along",
            "test_engine_faults.py::test_what_an_earlier_step_left_running_outlives_a_later_steps_death",
        ),
    ),
    Fault(
        "R5",
        "power cut; process ids are used again",
        "SIGKILL of every process at once, memory files removed, a stranger with the supervisor's process id",
        (
            "faults/test_killing.py::test_after_a_power_cut_no_process_id_is_trusted",
            "test_engine_processes.py::test_a_later_process_with_a_kept_number_is_not_kept",
        ),
    ),
    Fault(
        "R6",
        "full or read-only disk",
        "a file system of 8 MB, filled while a run writes, or mounted read-only",
        (
            "test_engine_faults.py::test_a_full_disk_makes_a_run_wait_and_costs_it_nothing",
            "test_engine_faults.py::test_a_run_is_not_started_on_a_full_disk",
            "test_engine_faults.py::test_a_log_goes_on_where_the_full_disk_stopped_it",
            "test_engine_faults.py::test_a_full_disk_keeps_no_run_from_being_stopped",
            "test_replica.py::test_what_cannot_be_written_can_be_read",
            "test_replica.py::test_what_cannot_be_written_is_refused",
            "test_replica.py::test_a_dead_run_is_settled_once_that_can_be_written",
            "test_replica.py::test_prune_makes_space_on_a_full_disk",
            "test_replica.py::test_a_disk_that_fills_while_it_is_used_hides_no_run",
        ),
    ),
    Fault(
        "R7",
        "database locked, deleted or damaged",
        "another process's lock; the file removed or overwritten under a run",
        (
            "faults/test_database.py::test_a_database_locked_by_another_process_delays_what_people_enter_and_no_run",
            "faults/test_database.py::test_a_database_lost_under_a_run_is_rebuilt_as_it_was",
            "test_store_faults.py::test_a_lock_held_by_another_process_is_waited_for",
            "test_store_ingest.py::test_reindexing_a_deleted_database_gives_the_same_lists",
            "test_runs.py::test_a_database_that_is_gone_comes_back_by_itself",
        ),
    ),
    Fault(
        "R8",
        "the database's writer thread dies",
        "an exception raised in it from outside, wherever it is",
        (
            "test_store_faults.py::test_a_killed_writer_thread_is_replaced",
            "test_store_faults.py::test_a_dead_writer_is_noticed_within_a_second",
            "test_store_faults.py::test_a_unit_that_kills_every_writer_is_given_up",
        ),
    ),
    Fault(
        "R9",
        "many write and read at once",
        "64 threads and 4 processes on one database",
        (
            "faults/test_database.py::test_sixty_four_threads_and_four_processes_write_and_read_at_once",
            "faults/test_database.py::test_backups_made_at_once_are_each_whole",
            "test_http_server.py::test_sixty_four_writers_at_once_meet_no_lock",
        ),
    ),
    Fault(
        "R10",
        "slow, stalled and vanished stream clients",
        "sockets that are never read",
        (
            "test_http_streams.py::test_a_client_that_reads_nothing_holds_up_neither_others_nor_the_end",
            "test_http_streams.py::test_twenty_viewers_of_a_live_run_see_the_journal_and_one_that_stalls_changes_nothing",
        ),
    ),
    Fault(
        "R11",
        "the run ends while a reader reads",
        "the end is carried out inside the reader's own loop, at a random call or return of a function",
        ("faults/test_following.py::test_a_reader_sees_the_last_byte_wherever_it_is_when_the_run_ends",),
    ),
    Fault(
        "R12",
        "output that is hard to carry",
        "no final newline, split UTF-8, carriage returns, NUL, very long lines, very many events, more than a log may have",
        (
            "test_engine_output.py::test_what_a_task_prints_is_in_the_log_byte_for_byte",
            "test_engine_output.py::test_much_output_takes_bounded_memory_and_bounded_events",
            "test_engine_output.py::test_many_events_in_one_step_are_all_there",
            "test_engine_output.py::test_a_log_that_reaches_its_limit_is_cut_and_the_run_goes_on",
        ),
    ),
    Fault(
        "R13",
        "cancel at any moment, once or twice",
        "requests at random moments from the start to just behind the end; requests that cannot be read",
        (
            "faults/test_canceling.py::test_a_run_canceled_at_any_moment_ends_truly_and_leaves_nothing",
            "faults/test_canceling.py::test_a_request_that_cannot_be_read_stops_nothing_and_is_told",
            "test_runs.py::test_cancel_lets_the_running_step_end",
            "test_runs.py::test_cancel_now_ends_what_runs_and_keeps_what_was_installed",
        ),
    ),
    Fault(
        "R14",
        "timeouts; a question that nobody answers",
        "tasks that sleep, `pause`, a program that reads the terminal",
        (
            "faults/test_canceling.py::test_a_question_that_nobody_answers_ends_at_the_runs_timeout",
            "test_runs.py::test_a_step_that_takes_too_long_is_timed_out",
        ),
    ),
    Fault(
        "R15",
        "two processes start on one site",
        "two processes with a plan each, let go at once",
        (
            "faults/test_racing.py::test_of_two_processes_that_start_at_once_one_wins",
            "test_runs.py::test_who_starts_a_run_slowly_is_not_taken_for_the_run_before",
        ),
    ),
    Fault(
        "R16",
        "a component fails in a parallel graph",
        "a task that fails while another component is under way",
        (
            "faults/test_graphs.py::test_a_failure_in_a_parallel_graph_costs_its_dependents_alone",
            "test_runs.py::test_a_failed_step_skips_what_needs_it_and_lets_the_rest_finish",
            "test_follow_ups.py::test_resume_runs_what_is_left_with_todays_playbooks",
        ),
    ),
    Fault(
        "R17",
        "an unreachable host in batch 2 of 4",
        "an address where nobody answers",
        ("faults/test_graphs.py::test_batches_behind_a_host_that_cannot_be_reached_never_start",),
    ),
    Fault(
        "R18",
        "exit status 0, and nothing proved",
        "patterns without hosts, every beginning of recorded runs, hosts without results",
        (
            "test_engine_evidence.py::test_no_beginning_of_a_run_is_a_success",
            "test_engine_evidence.py::test_exit_status_zero_without_any_planned_host_is_no_success",
            "test_engine_evidence.py::test_a_planned_host_that_no_play_held_is_unfinished",
            "test_engine_evidence.py::test_a_host_that_ended_early_and_a_run_once_play_are_well",
            "test_engine_evidence.py::test_a_play_that_was_planned_and_never_begun_proves_none_of_its_hosts",
            "test_runs.py::test_a_pattern_that_matches_nothing_is_refused_before_anything_starts",
            "test_runs.py::test_a_host_that_no_play_holds_after_all_has_not_succeeded",
        ),
    ),
    Fault(
        "R19",
        "a managed host forges an event, or an end",
        "output in the form of our plugin's own marks, or of a stream's end",
        (
            "test_runs.py::test_a_forged_event_is_shown_as_text",
            "test_http_streams.py::test_a_log_that_forges_an_end_ends_nothing",
        ),
    ),
    Fault(
        "R20",
        "secrets",
        "canaries looked for plain, JSON-escaped, base64 at each alignment and URL-escaped, in every file,"
        " command line, environment and answer",
        (
            "faults/test_secrets.py::test_a_secret_is_nowhere_in_any_form",
            "faults/test_secrets.py::test_what_a_vault_holds_is_in_no_file_of_the_run",
            "test_runs.py::test_a_secret_is_nowhere",
            "test_engine_redaction.py::test_a_secret_is_taken_out_however_it_is_written",
        ),
    ),
    Fault(
        "R27",
        "a play that ends early, for one host or for all",
        "random playbooks of blocks, rescues, handlers, batches and strategies, on hosts that fail and are lost; each"
        " task leaves a trace, which the record is held against",
        (
            "faults/test_proof_at_scale.py::test_the_record_of_random_playbooks_is_what_the_hosts_did",
            "test_proof.py::test_a_record_is_what_the_host_did",
            "test_proof.py::test_a_record_is_what_the_host_did_in_every_case",
        ),
    ),
    Fault(
        "R28",
        "a managed host answers a module with any bytes",
        "random bytes, JSON of any kind and depth, known keys of the wrong type, forged marks, in place of its Python",
        (
            "faults/test_fuzzed_hosts.py::test_a_host_that_answers_anything_ends_no_other_hosts_work",
            "faults/test_fuzzed_hosts.py::test_every_answer_is_an_event_of_its_own_host",
            "faults/test_fuzzed_hosts.py::test_the_log_beside_such_a_host_is_that_of_bare_ansible",
            "faults/test_fuzzed_hosts.py::test_a_check_of_such_a_host_says_what_every_task_found",
            "test_engine_answers.py::test_any_result_is_an_event",
            "test_engine_answers.py::test_any_result_is_weighed",
            "test_engine_answers.py::test_any_result_is_a_finding",
        ),
    ),
)
"""As in `docs/explanation/faults.md`."""

NAMES = frozenset(name for fault in FAULTS for name in fault.tests)

HEAD = """# Faults that installkit survives

Each fault is injected for real: signals, a full file system, a locked database.
After each in `tests/faults`: the bytes served are the journal's, and the events cover them without gap or overlap; a run
is final if and only if its result is on disk, and no final status is untrue; the database is whole; no process of a
final run is left, and no descriptor.

Written by the suite itself, from {sessions} of it that ended on {day}: {passed:,} of {tries:,} tries passed{rest}.
Write it again with `scripts/test --soak`, which takes about half an hour.
A seed gives the same random moments again: `pytest tests/faults --seed SEED`.

| | fault | how it is injected | tries | passed | seconds | seeds | shown by |
|---|---|---|---|---|---|---|---|
"""


@attrs.frozen
class Outcome:
    """
    What became of a test in one session of pytest.

    Attributes:
        test: As in `Fault.tests`.
        session: When the session began.
        tries: How often the fault was injected.
        seed: Of the random moments; None if nothing was random.
    """

    test: str
    session: str
    tries: int
    passed: bool
    seconds: float
    seed: int | None


class FaultReport:
    """A plugin of pytest that notes what becomes of the tests in `FAULTS`, and writes it as a table."""

    def __init__(self, path, results=None):
        """
        Gather results.

        Args:
            path: Where the table goes.
            results: A file of earlier results, a JSON object a line, which this session's join; None: these alone.
        """
        self._path = path
        self._results = results
        lines = results.read_text().splitlines() if results and results.exists() else []
        self._outcomes = [Outcome(**json.loads(line)) for line in lines]
        self._session = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def pytest_runtest_logreport(self, report):
        """Note one report of pytest; a test of other things, or one that was skipped, is none of ours."""
        name = re.sub(r"\[.*", "", report.nodeid, flags=re.DOTALL).removeprefix("tests/")
        if report.skipped or name not in NAMES or (report.when != "call" and report.passed):
            return
        found = dict(report.user_properties)
        outcome = Outcome(
            test=name,
            session=self._session,
            tries=found.get("times", 1),
            passed=report.passed,
            seconds=report.duration,
            seed=found.get("seed"),
        )
        self._outcomes.append(outcome)
        if self._results:
            with self._results.open("a") as file:
                file.write(json.dumps(attrs.asdict(outcome)) + "\n")

    def pytest_sessionfinish(self):
        """Write the table of this session and of those before it with the same results."""
        self._path.write_text(fault_table(self._outcomes))


def fault_table(outcomes):
    """Return *outcomes* as a page in Markdown."""
    by_test = defaultdict(list)
    for outcome in outcomes:
        by_test[outcome.test].append(outcome)
    missing = sum(not by_test[name] for name in NAMES)
    sessions = len({outcome.session for outcome in outcomes})
    head = HEAD.format(
        sessions=f"{sessions} run{'s' * (sessions != 1)}",
        day=f"{datetime.now(UTC):%d %B %Y}",
        tries=sum(each.tries for each in outcomes),
        passed=sum(each.tries for each in outcomes if each.passed),
        rest=f"; {missing} of the tests named below were not run" if missing else "",
    )
    return head + "".join(_row(fault, by_test) for fault in FAULTS)


def _row(fault, by_test):
    found = [outcome for name in fault.tests for outcome in by_test[name]]
    seeds = sorted({outcome.seed for outcome in found if outcome.seed is not None})
    cells = (
        fault.number,
        fault.name,
        fault.injected,
        f"{sum(each.tries for each in found):,}",
        f"{sum(each.tries for each in found if each.passed):,}",
        f"{sum(each.seconds for each in found):,.0f}",
        " ".join(map(str, seeds)),
        "<br>".join(f"`{name}`" + ("" if by_test[name] else " (not run)") for name in fault.tests),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":  # the names for pytest's command line
    print(*(f"tests/{name}" for fault in FAULTS for name in fault.tests if not name.startswith("faults/")))  # noqa: T201
