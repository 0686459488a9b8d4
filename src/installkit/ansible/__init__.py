"""
Everything about Ansible: how it is found, asked and run, and what it reads and reports.

    programs       finds ansible-playbook and the like
    configuration  which ansible.cfg Ansible would read, and its values
    environment    the variables of a run, and how they differ from the caller's
    ask, answers   questions to Ansible, each asked once, and the remembered answers
    listing        why `ansible-inventory --list` could not read a source
    sources        the files of an inventory
    scratch        the folder for files that a run must not leave behind
    variables, password_files    the files that a playbook gets
    runner         one call of ansible-playbook
    reports        the reports of our plugin there, combined with the text in the terminal
    events         the same as `Event`
    remedies       what to do about Ansible's messages
    plugins/       separate programs that ansible-playbook loads, under its license
"""
