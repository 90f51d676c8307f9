# Keeps one throwaway server that needs no more than a folder: makes it, runs it, and removes every trace
# of it, as postgres_server.sh does.
#
# Arguments: the folder in which to make the server's own, how that one's name begins, and the command,
# which runs inside of it.
parent=$1 name=$2
shift 2

# Ctrl-C and a closing terminal are for the program; this shell must outlive it.
trap '' HUP INT TERM
exec 3<&0 </dev/null

keep() {
    # Should this shell itself be killed, the kernel stops the server.
    if setpriv --pdeathsig KILL true 2>/dev/null; then
        set -- setpriv --pdeathsig KILL "$@"
    fi
    (cd "$folder" && exec "$@" 3<&-) &
    server=$!
    # Nothing in it has to survive.
    (read -r _ <&3; kill -KILL "$server") &
    stopper=$!
    wait "$server"
    kill -KILL "$stopper"
}

folder=$(mktemp -d "$parent/$name.XXXXXX") || exit
echo "$folder"
keep "$@" >"$folder/log" 2>&1
tail -n 12 "$folder/log" >&2
rm -rf "$folder"
