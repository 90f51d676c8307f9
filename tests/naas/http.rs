//! HTTP/1.1 by hand: one request a connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

/// `ada:swordfish`.
pub(crate) const BASIC: &str = "Basic YWRhOnN3b3JkZmlzaA==";

/// Sends a request; returns the status and the body, null where it is empty.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    authorization: &str,
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let len = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: naas\r\nconnection: close\r\nauthorization: {authorization}\r\ncontent-length: {len}\r\n\r\n{body}"
    )
    .expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").expect("there is a head");
    (
        status.expect("the answer has a status"),
        serde_json::from_str(body).unwrap_or_default(),
    )
}
