use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tidegate_stack::relay::{Direction, Ending, Relay};

/// A server that sends back what it gets, until the client is done.
#[expect(clippy::unwrap_used, reason = "part of a test")]
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut &stream, &mut writer);
                let _ = writer.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    addr
}

#[expect(clippy::unwrap_used, reason = "part of a test")]
fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

#[expect(clippy::unwrap_used, reason = "part of a test")]
fn echoed(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
}

/// What arrives until the connection ends, and how it ends.
fn drain(stream: &mut TcpStream) -> (usize, Option<ErrorKind>) {
    let (mut total, mut buffer) = (0, [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (total, None),
            Ok(count) => total += count,
            Err(error) => return (total, Some(error.kind())),
        }
    }
}

#[test]
fn a_healthy_relay_passes_everything_and_counts_it() {
    let relay = Relay::start(echo()).unwrap();
    let mut stream = connect(&relay);
    let megabyte = vec![7; 1 << 20];
    let mut writer = stream.try_clone().unwrap();
    let sent = megabyte.clone();
    let sender = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == megabyte);
    assert_eq!(
        (relay.bytes(Direction::ToTarget), relay.bytes(Direction::ToClient)),
        (1 << 20, 1 << 20)
    );
    assert_eq!(relay.connections(), 1);
}

#[test]
fn latency_delays_a_round_trip_but_not_the_flow() {
    let relay = Relay::start(echo()).unwrap();
    relay.set_latency(Direction::ToTarget, Duration::from_millis(60));
    relay.set_latency(Direction::ToClient, Duration::from_millis(40));
    let mut stream = connect(&relay);
    let started = Instant::now();
    echoed(&mut stream, b"ping");
    let one = started.elapsed();
    assert!(one >= Duration::from_millis(100), "{one:?}");
    let started = Instant::now();
    echoed(&mut stream, &vec![1; 200_000]);
    let many = started.elapsed();
    assert!(many >= Duration::from_millis(100), "{many:?}");
    // Thousands of packets that each waited for their echo would take minutes; the relay counts what waited for an answer.
    assert!(relay.round_trips() < 20, "{}", relay.round_trips());
}

#[test]
fn a_stall_holds_back_what_then_arrives() {
    let relay = Relay::start(echo()).unwrap();
    let mut stream = connect(&relay);
    echoed(&mut stream, b"before");
    relay.stall();
    stream.write_all(b"during").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut back = [0; 6];
    assert_eq!(stream.read(&mut back).unwrap_err().kind(), ErrorKind::WouldBlock);
    relay.flow();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"during");
}

#[test]
fn a_cut_ends_one_connection_at_exactly_that_byte() {
    let relay = Relay::start(echo()).unwrap();
    relay.cut_once(Direction::ToClient, 10, Ending::Close);
    let mut stream = connect(&relay);
    echoed(&mut stream, b"12345");
    stream.write_all(b"67890abcdef").unwrap();
    assert_eq!(drain(&mut stream), (5, None));
    assert_eq!(relay.cuts(), 1);
    echoed(&mut connect(&relay), b"longer than ten bytes");

    relay.cut_every(Direction::ToTarget, 3, Ending::Close);
    for _ in 0..2 {
        let mut stream = connect(&relay);
        stream.write_all(b"abcdef").unwrap();
        assert!(drain(&mut stream).0 <= 3);
    }
    relay.heal();
    echoed(&mut connect(&relay), b"abcdef");
}

#[test]
fn a_reset_reaches_open_connections_only() {
    let relay = Relay::start(echo()).unwrap();
    let mut stream = connect(&relay);
    echoed(&mut stream, b"before");
    relay.reset();
    assert_eq!(drain(&mut stream), (0, Some(ErrorKind::ConnectionReset)));
    echoed(&mut connect(&relay), b"after");
}

#[test]
fn a_target_that_is_away_resets_the_client() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::start(closed).unwrap();
    assert_eq!(drain(&mut connect(&relay)), (0, Some(ErrorKind::ConnectionReset)));
    relay.set_target(echo());
    echoed(&mut connect(&relay), b"back");
}
