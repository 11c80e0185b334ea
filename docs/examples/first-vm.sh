#!/bin/sh
# first-vm.sh IMAGE.tar.zst [SHAPE]
#
# From an image to a VM and back, by the command: imports the image, makes a tenant, makes a VM for
# it, looks at what happened, stops and deletes it. Run it as an operator of an upstream manager
# with at least one cluster up:
#   ISTHMUS_SERVER       its address (default http://127.0.0.1:8080)
#   ISTHMUS_TOKEN_FILE   the operator's token
# tests/system/test_docs_example.py runs it.
set -eu
[ $# -ge 1 ] || { sed -n '2,/^set/{/^#/!d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
archive=$1 shape=${2:-small}

tenant_token=$(mktemp)
trap 'rm -f "$tenant_token"' EXIT

echo "== as the operator: what there is"
isthmus cluster list
isthmus shape list
isthmus image import first "$archive"

echo "== as the operator: a tenant; its token is shown this once"
isthmus tenant create first-tenant -o json |
    sed -n 's/.*"token":"\([^"]*\)".*/\1/p' >"$tenant_token"

echo "== as the tenant: a VM"
operator_token=$ISTHMUS_TOKEN_FILE
export ISTHMUS_TOKEN_FILE="$tenant_token"
printf '#cloud-config\nhello: world\n' >"$tenant_token.data"
trap 'rm -f "$tenant_token" "$tenant_token.data"' EXIT
isthmus vm create first --shape "$shape" --image first --user-data "$tenant_token.data" --wait
isthmus vm show first

echo "== as the tenant: how it went"
isthmus op show "$(isthmus op list -o name | head -n 1)"

echo "== as the tenant: stopped, started, deleted"
isthmus vm stop first --wait
isthmus vm start first --wait
isthmus vm delete first --wait

echo "== as the operator: all as before"
export ISTHMUS_TOKEN_FILE="$operator_token"
isthmus tenant delete first-tenant
isthmus image delete first
