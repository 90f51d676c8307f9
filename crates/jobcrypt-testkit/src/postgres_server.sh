# Keeps one throwaway PostgreSQL server: makes it, runs it, and removes every trace of it.
#
# Standard input is a pipe from the program that asked for the server. It closes when that program
# drops the server, and just as well when it is interrupted or killed: one way out for all of them.
#
# Arguments: the folder in which to make the server's own, the port, the folder of the programs; for a standby, the port of
# its primary.
parent=$1 port=$2 programs=$3 primary=$4

# Ctrl-C and a closing terminal are for the program; this shell must outlive it.
trap '' HUP INT TERM
exec 3<&0 </dev/null

make() {
    if [ -n "$primary" ]; then
        "$programs/pg_basebackup" --pgdata="$folder/data" --host=127.0.0.1 --port="$primary" --username=postgres \
            --checkpoint=fast --write-recovery-conf --no-sync
    else
        "$programs/initdb" --pgdata="$folder/data" --username=postgres --auth=trust \
            --encoding=UTF8 --no-locale --no-sync
    fi
}

keep() {
    make || return
    set -- "$programs/postgres" -D "$folder/data" \
        -c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories= \
        -c max_connections=200 -c fsync=off -c full_page_writes=off -c synchronous_commit=off
    # Should this shell itself be killed, the kernel stops the server.
    if setpriv --pdeathsig QUIT true 2>/dev/null; then
        set -- setpriv --pdeathsig QUIT "$@"
    fi
    "$@" 3<&- &
    server=$!
    # In its first moments the server does not listen to signals yet.
    (read -r _ <&3; while kill -QUIT "$server"; do sleep 0.1; done) &
    stopper=$!
    wait "$server"
    kill -KILL "$stopper"
}

folder=$(mktemp -d "$parent/jobcrypt-postgres.XXXXXX") || exit
echo "$folder"
keep >"$folder/log" 2>&1
tail -n 12 "$folder/log" >&2
rm -rf "$folder"
