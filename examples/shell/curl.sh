#!/usr/bin/env bash
# A producer and reader with curl only: commands and questions over HTTP.
#
#   examples/shell/curl.sh [http://127.0.0.1:8640]
#
# The address is that of a running ledger (`cargo run -- dev`); SEATLEDGER_HTTP does as well.
# Ends with 1 when an answer is not what it must be.
set -euo pipefail

ledger=${1:-${SEATLEDGER_HTTP:-http://127.0.0.1:8640}}
if ! curl -s -o /dev/null --max-time 5 "$ledger/healthz"; then
  echo "no ledger answers at $ledger: start one with \`cargo run -- dev\`" >&2
  exit 1
fi
account=$ledger/v1/accounts/studio-shell
run=$(date +%s)-$$ # ids and a license of this run's own
license=suite-$run

# send COMMAND ID DOCUMENT: prints the answer and its status. The id is the idempotency key: when no
# answer comes, the same command is sent again (--retry) and still happens at most once.
send() {
  printf '\n%s %s\n' "$1" "$3"
  answer=$(curl -sS --retry 5 --retry-connrefused --max-time 30 -w ' [%{http_code}]' \
    -H "Idempotency-Key: $2" -H 'Content-Type: application/json' -d "$3" \
    "$account/commands/$1")
  printf '%s\n' "$answer"
}

# get PATH: asks, and waits until the read models have taken in our last command.
get() {
  local joint='?'
  case $1 in *'?'*) joint='&' ;; esac
  printf '\nGET %s\n' "$1"
  answer=$(curl -sS --max-time 30 -w ' [%{http_code}]' "$account/$1${joint}min_sequence=$sequence")
  printf '%s\n' "$answer"
}

# must TEXT...: all of them stand in the last answer.
must() {
  local text
  for text in "$@"; do
    case $answer in
      *"$text"*) ;;
      *) echo "not as it must be: $text is missing" >&2; exit 1 ;;
    esac
  done
}

# The receipt of a command: the number for min_sequence= and at=.
receipt() { sed -n 's/.*"sequence":\([0-9]*\).*/\1/p' <<<"$answer"; }

send AllocateLicense "$run-1" '{"license":"'"$license"'","product":"SUITE","quantity":2}'
must '"outcome":"accepted"' '[200]'

two='{"license":"'"$license"'","holders":[{"user":"ada"},{"email":"bo@example.com"}],"actor":"curl.sh"}'
send AssignSeat "$run-2" "$two"
must '"outcome":"accepted"' '"replayed":false'
assigned=$(receipt)

# The same id and content again: the first outcome again.
send AssignSeat "$run-2" "$two"
must '"replayed":true' "\"sequence\":$assigned"

# The license is full.
send AssignSeat "$run-3" '{"license":"'"$license"'","holders":[{"user":"cy"}]}'
must '"code":"no_free_seat"' '[409]'

# A typo is told with the name that was probably meant.
send AssignSeat "$run-4" '{"license":"'"$license"'","holder":[{"user":"cy"}]}'
must '[400]' 'holders'

send RevokeAssignment "$run-5" '{"license":"'"$license"'","holders":[{"user":"ada"}],"reason":"left"}'
must '"outcome":"accepted"'
sequence=$(receipt)

get "licenses/$license"
must '"used":1' '"available":1'
get "checks?user=ada&license=$license"
must '"allowed":false'
# The same question about the past: as of the sequence in which she got her seat.
get "checks?user=ada&license=$license&at=$assigned"
must '"allowed":true'
get "history?license=$license"
must LicenseAllocated SeatAssigned AssignmentRevoked '"reason":"left"'
get "commands/$run-2"
must '"outcome":"accepted"' "\"sequence\":$assigned"

# The live tail does not end by itself; --max-time ends it here, which curl reports as a failure.
printf '\nGET events?after=%s\n' "$((assigned - 1))"
answer=$(curl -sN --max-time 1 "$account/events?after=$((assigned - 1))" || true)
printf '%s\n' "$answer"
must "id: $assigned/0" "id: $assigned/1" "id: $sequence/0" 'event: AssignmentRevoked'

echo
echo "all as it must be"
