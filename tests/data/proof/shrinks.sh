#!/bin/sh
# An inventory from which h3 goes once a play has left the trace `changed`.
hosts='"h1","h2"'
[ -e "$TRACES/changed" ] || hosts="$hosts,\"h3\""
echo "{\"g\":{\"hosts\":[$hosts],\"vars\":{\"ansible_connection\":\"local\",\"ansible_python_interpreter\":\"$PYTHON\"}},\"_meta\":{\"hostvars\":{}}}"
