#!/bin/sh
# An inventory in which h4 comes up once a play has left the trace `changed`.
hosts='"h1","h2","h3"'
[ -e "$TRACES/changed" ] && hosts="$hosts,\"h4\""
echo "{\"g\":{\"hosts\":[$hosts],\"vars\":{\"ansible_connection\":\"local\",\"ansible_python_interpreter\":\"$PYTHON\"}},\"_meta\":{\"hostvars\":{}}}"
