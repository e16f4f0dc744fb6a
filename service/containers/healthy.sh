#!/bin/bash
# Is a container well? Without a Python of its own: it is asked every few seconds.
#   healthy http PORT PATH [HOST]   whether the program there, here by default, answers with 200
#   healthy pulse                   whether RAVINE_PULSE_FILE was touched in the last two minutes
set -euo pipefail
case $1 in
  http)
    exec 3<>"/dev/tcp/${4:-127.0.0.1}/$2"
    printf 'GET %s HTTP/1.0\r\nHost: localhost:%s\r\n\r\n' "$3" "$2" >&3
    read -r -t 5 _ status _ <&3
    [ "$status" = 200 ]
    ;;
  pulse)
    [ -n "$(find "$RAVINE_PULSE_FILE" -mmin -2)" ]
    ;;
esac
