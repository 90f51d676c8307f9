# Keeps one throwaway Redis server: makes it, runs it, and removes every trace of it, as
# postgres_server.sh does.
#
# Argument: the folder in which to make the server's own.
parent=$1

# Ctrl-C and a closing terminal are for the program; this shell must outlive it.
trap '' HUP INT TERM
exec 3<&0 </dev/null

keep() {
    # A socket in a folder of its own: no port that somebody else could take first.
    set -- redis-server --port 0 --unixsocket "$folder/socket" --dir "$folder" \
        --save '' --appendonly no
    # Should this shell itself be killed, the kernel stops the server.
    if setpriv --pdeathsig KILL true 2>/dev/null; then
        set -- setpriv --pdeathsig KILL "$@"
    fi
    "$@" 3<&- &
    server=$!
    # Nothing in it has to survive.
    (read -r _ <&3; kill -KILL "$server") &
    stopper=$!
    wait "$server"
    kill -KILL "$stopper"
}

folder=$(mktemp -d "$parent/jobcrypt-redis.XXXXXX") || exit
echo "$folder"
keep >"$folder/log" 2>&1
tail -n 12 "$folder/log" >&2
rm -rf "$folder"
