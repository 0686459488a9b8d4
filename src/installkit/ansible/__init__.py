"""
All that knows Ansible: how it is found, asked and run, and what it reads and reports.

    programs       ansible-playbook and its like, as they are found
    configuration  which ansible.cfg Ansible would read, and what stands in it
    environment    the variables that a run gets, and what is changed of the caller's
    ask, answers   questions to Ansible, each asked once, and its answers remembered
    listing        what `ansible-inventory --list` answers, read
    sources        the files of an inventory
    scratch        what a run needs and must not leave behind
    variables, password_files    what a playbook is handed
    runner         one carrying-out of ansible-playbook
    reports        what our plugin there says, put together with the terminal
    events         the same as `Event`
    remedies       what to do about what Ansible says
    plugins/       what ansible-playbook loads: programs of their own, under its license
"""
