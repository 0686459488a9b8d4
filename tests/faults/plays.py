"""Sites and playbooks for the tests of faults: quick, and with something to kill in them."""

import sys

LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"


def build_site(installer, folder, name, playbooks, inventory=f"localhost {LOCAL}\n"):
    """Make a site below *folder* from *playbooks*, text by name without `.yml`; by default on this machine alone."""
    catalog, hosts = folder / name, folder / f"{name}.ini"
    catalog.mkdir()
    for stem, text in playbooks.items():
        (catalog / f"{stem}.yml").write_text(text)
    hosts.write_text(inventory)
    return installer.site(name, inventory=hosts, catalog=catalog)


def play(*tasks, hosts="all"):
    """Return a playbook of *tasks*, in YAML, one after the other."""
    body = "".join(f"    - {task}\n" for task in tasks)
    return f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{body}"


def noting(diary, *words, pause=0.3):
    """Return a playbook that writes *words* into the file *diary*, each after a *pause* in seconds."""
    return play(*(f"raw: sleep {pause} && echo {word} >> {diary}" for word in words))


def read_diary(diary):
    """Return the words in *diary*, and begin it anew."""
    words = diary.read_text().split() if diary.exists() else []
    diary.unlink(missing_ok=True)
    return words
