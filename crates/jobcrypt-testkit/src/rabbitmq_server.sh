# Becomes a RabbitMQ server whose whole state is in the current folder, on 127.0.0.1 only.
#
# Arguments: the ports on which it takes connections of clients, of other nodes, and of those who ask its
# port mapper (epmd). Erlang would start one port mapper for the whole machine, and leave it running; this
# server has its own.
export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$1 RABBITMQ_DIST_PORT=$2
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$3

# Erlang keeps a secret at home, and a node wants a host name that it can resolve.
export HOME=$PWD RABBITMQ_NODENAME=jobcrypt@localhost

# Nothing of a server that the machine has already: neither its settings nor its plugins.
export RABBITMQ_CONF_ENV_FILE=$PWD/none RABBITMQ_CONFIG_FILE=$PWD/rabbitmq.conf RABBITMQ_CONFIG_FILES=$PWD/none
export RABBITMQ_ADVANCED_CONFIG_FILE=$PWD/none.config RABBITMQ_ENABLED_PLUGINS_FILE=$PWD/none
export RABBITMQ_MNESIA_BASE=$PWD/mnesia RABBITMQ_LOG_BASE=$PWD RABBITMQ_LOGS=- RABBITMQ_PID_FILE=$PWD/pid
: >rabbitmq.conf

# This one makes the script become the server, so that whoever stops the one stops the other. It would
# leave standard input open to a shell of Erlang's.
export RABBITMQ_ALLOW_INPUT=yes
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-noinput +S 1 -kernel inet_dist_use_interface {127,0,0,1}'

# Whatever becomes of the server, the port mapper goes with it.
if setpriv --pdeathsig KILL true 2>/dev/null; then
    setpriv --pdeathsig KILL epmd &
else
    epmd &
    mapper=$!
    (while kill -0 $$; do sleep 1; done 2>/dev/null; kill "$mapper") &
fi

# What packages of Debian and Fedora put on the PATH serves root only, and as another user.
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || server=rabbitmq-server
exec "$server"
