"""Programs that are wrong: each line marked `# wrong` has one mistake, which a type checker must find, and no other."""

import installkit
import installkit_http

installkit.Instaler()  # wrong: a misspelt class
installkit.RunStatus.DONE  # wrong: a word that there is not  # noqa: B018
installkit_http.create_ap()  # wrong: a misspelt function

installer = installkit.Installer()
installer.site("acme", inventry="hosts.yml")  # wrong: a misspelt argument
site = installer.site("acme")

site.plan(instal=["mysql"])  # wrong: a misspelt field
site.plan(install="mysql")  # wrong: one name for a list of them
site.plan(install=[3])  # wrong: a number for a name
site.plan(limit=["db"])  # wrong: a list for a pattern
site.apply(install=["mysql"], job=2)  # wrong: a misspelt option
site.apply(instal=["mysql"])  # wrong: a misspelt field
plan = site.plan(all=True, batch=(1, "50%"), parameters={"mysql_port": 3306})

site.start(plan, jobs="2")  # wrong: text for a number
site.start(plan, job=2)  # wrong: a misspelt option
run = site.start(plan, jobs=2, note=None, checks=False)
site.start(plan, checks=run)

site.resume(run, failed_host_only=True)  # wrong: a misspelt argument
site.resume(run, nonsense=1)  # wrong: an option that there is not
site.rollback(run, limit=3)  # wrong: a number for a pattern
site.rollback(run, jobs=2, limit="db")
site.record([10], jobs=1)  # wrong: a number for a name
site.record(["mysql=10"], nonsense=1)  # wrong: an option that there is not
site.forget("mysql")  # wrong: one name for a list of them
site.forget(["mysql"], note="moved")

run.wait("soon")  # wrong: text for seconds
run.log(3)  # wrong: a number for a step
run.log(host="db1", tails=3)  # wrong: a misspelt argument
run.events(kinds="task_result")  # wrong: a misspelt filter
run.events(kind="task_result", status=["failed", "unreachable"])
run.results(tasks="Ask")  # wrong: a misspelt filter
run.results(task="Ask", status=installkit.ResultStatus.GOOD)  # wrong: a word that there is not
installkit.InventoryKind.STOR  # wrong: a word that there is not  # noqa: B018
kind: installkit.InventoryKind = site.snapshot().inventory.kind
run.statu  # wrong: a misspelt attribute  # noqa: B018
status: str = run.failures[0].codes  # wrong: a misspelt attribute
code: installkit.FailureCode | None = run.failures[0].code
holder: installkit.SiteLock | None = site.snapshot().lock
result: installkit.RunResult = run.result()

try:
    run.raise_for_status()
except installkit.RunFailedError as error:
    error.run.cancell()  # wrong: the run of an error is a run


def install(anywhere: installkit.AnyInstaller) -> installkit.AnyRun:
    """Both kinds of installer have these calls; what only one has is found."""
    made = anywhere.site("acme").plan(install=["mysql"])
    anywhere.folders  # wrong: a service has no folders here  # noqa: B018
    anywhere.site("acme").start(made, job=2)  # wrong: a misspelt option
    return anywhere.site("acme").start(made, jobs=2)


with installkit.connect("http://127.0.0.1:8000", token="…") as remote:
    remote.site("acme").plan(instal=["mysql"])  # wrong: a misspelt field
    remote.prune()  # wrong: a service has no such call
    far = remote.run("last")
    far.compare("last")  # wrong: text for a run
    list(far.events(follow=True, host="db1"))
    install(remote).wait(10.0)
    install(installer).raise_for_status()
installkit.connect("http://127.0.0.1:8000")  # wrong: a token is missing


async def watch() -> None:
    """Asyncio has the same, awaited."""
    async with installkit.AsyncInstaller.connect("http://127.0.0.1:8000", token="…") as awaited:
        run = await (await awaited.site("acme")).apply(install=["mysql"])
        await run.wait("soon")  # wrong: text for seconds
