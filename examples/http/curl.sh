#!/usr/bin/env bash
# Install a component over HTTP, with curl alone: token, site, plan, run, its log as it rolls, its result.
#
# The service, in this repository's folder `examples`:
#
#   installkit serve -c catalog/playbooks
#
# and in another terminal, in the same folder:
#
#   export INSTALLKIT_TOKEN=$(installkit token create curl --scope admin)
#   http/curl.sh acme catalog/hosts.yml store
#
# The exit code is 0 if the run succeeded. INSTALLKIT_URL names another service than the one on this machine.
set -euo pipefail

if (($# != 3)); then
    echo "usage: $0 SITE INVENTORY COMPONENT" >&2
    exit 2
fi
site=$1 inventory=$2 component=$3
if [[ ! -f $inventory || ! -r $inventory ]]; then
    echo "error: there is no inventory $inventory that can be read" >&2
    exit 2
fi
base=${INSTALLKIT_URL:-http://127.0.0.1:8484}/api/v1
: "${INSTALLKIT_TOKEN:?make one: installkit token create curl --scope admin}"

# The token goes in through a descriptor: the arguments of a program can be read by every user of a machine.
ask() {
    curl --silent --show-error --fail-with-body --no-buffer --header 'content-type: application/json' \
        --header @<(printf 'authorization: Bearer %s\n' "$INSTALLKIT_TOKEN") "$@"
}

# answer CURL_OPTION… URL: what ask gives; where the service refuses, what it says of that, and the end.
answer() {
    local body
    body=$(ask "$@") || { problem <<<"$body" && exit 1; }
    printf '%s\n' "$body"
}

# problem: the detail and the remedy of the problem details on stdin, to stderr; what is something else, as it is.
problem() {
    python3 -c '
import json, sys
text = sys.stdin.read().strip()
try:
    told = json.loads(text)
    text = "\n  → ".join(filter(None, [told["detail"], told["remedy"]]))
except (ValueError, KeyError, TypeError):
    pass
print("error:", text or "no answer", file=sys.stderr)'
}

# field NAME: that member of the JSON object on stdin.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# object NAME=VALUE…: a JSON object of texts; NAME=@FILE takes the text from a file.
object() {
    python3 - "$@" <<'PYTHON'
import json, pathlib, sys
pairs = (each.split("=", 1) for each in sys.argv[1:])
print(json.dumps({name: pathlib.Path(text[1:]).read_text() if text.startswith("@") else text for name, text in pairs}))
PYTHON
}

echo "-- site $site"
if ! ask "$base/sites/$site" >/dev/null 2>&1; then
    wanted=$(object "name=$site" "inventory=@$inventory")
    made=$(answer --data "$wanted" "$base/sites")
    field name <<<"$made"
fi

echo "-- plan"
plan=$(answer --data "{\"install\": [\"$component\"]}" "$base/sites/$site/plans")
id=$(field id <<<"$plan")
field summary <<<"$plan"
if [[ $(field steps <<<"$plan") == '[]' ]]; then
    exit 0
fi

echo "-- run $id"
answer --data '{"note": "by curl"}' "$base/plans/$id/runs" >/dev/null

# Chunked text, byte for byte what ansible-playbook prints; it ends when the run does.
ask --header 'accept: text/plain' "$base/runs/$id/log?follow=true"

run=$(answer "$base/runs/$id")
status=$(field status <<<"$run")
echo "-- $status"
[[ $status == succeeded ]]
