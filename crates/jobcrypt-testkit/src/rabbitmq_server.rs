use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use crate::keeper::Keeper;

/// A throwaway RabbitMQ server for tests: empty, on a free port of 127.0.0.1, gone when dropped, also
/// when the program that started it panics, is interrupted or is killed.
///
/// It takes seconds to start: tests do well to share one, with queues of their own.
///
/// ```
/// use jobcrypt_testkit::RabbitMqServer;
///
/// let server = RabbitMqServer::start(&std::env::temp_dir())?;
/// assert!(server.url().starts_with("amqp://guest:guest@127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct RabbitMqServer {
    port: u16,
    keeper: Keeper,
}

/// Somebody else may take a port between the moment when it was free and that when the server takes it.
const TRIES: usize = 3;

impl RabbitMqServer {
    /// Starts a server in a new folder in `parent` and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// Whatever the server had to say: first of all, that there is no `rabbitmq-server`.
    pub fn start(parent: &Path) -> io::Result<Self> {
        let mut tried = Self::start_once(parent);
        for _ in 1..TRIES {
            if tried.is_ok() {
                break;
            }
            tried = Self::start_once(parent);
        }
        tried
    }

    fn start_once(parent: &Path) -> io::Result<Self> {
        let ports = free_ports()?;
        let [of_clients, of_nodes, of_mapper] = ports.map(|port| port.to_string());
        let script = include_str!("rabbitmq_server.sh");
        let command = [
            "sh",
            "-c",
            script,
            "rabbitmq_server",
            &of_clients,
            &of_nodes,
            &of_mapper,
        ];
        let mut keeper = Keeper::start(parent, "jobcrypt-rabbitmq", &command)?;
        keeper.wait_until(has_started)?;
        Ok(Self {
            port: ports[0],
            keeper,
        })
    }

    /// Returns the URL of the server, with the user that may do everything.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Returns all that the server has written to its files, one behind the other: what is in its durable
    /// queues, and what was.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being read.
    pub fn dump(&self) -> io::Result<Vec<u8>> {
        self.keeper.files()
    }
}

/// RabbitMQ takes no port of the system's choice. All are held until all are known to differ.
fn free_ports() -> io::Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [listen()?, listen()?, listen()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// It takes connections before it is ready for them; its log says when it is.
fn has_started(folder: &Path) -> Option<()> {
    let log = fs::read_to_string(folder.join("log")).ok()?;
    log.contains("Server startup complete").then_some(())
}
