//! A mail server on loopback that keeps each mail (RFC 5321, without extensions).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

/// What one connection sent: the commands, and the mail.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The lines outside of mails.
    pub commands: Vec<String>,
    /// The mail's lines.
    pub mail: String,
}

/// A mail server. Its thread ends with the process.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    sessions: Arc<Mutex<Vec<Session>>>,
}

impl MailServer {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When no port or thread is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port for mail")?;
        let address = listener.local_addr()?;
        let sessions = Arc::<Mutex<Vec<Session>>>::default();
        let kept = Arc::clone(&sessions);
        std::thread::Builder::new().name("mail".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut session = Session::default();
                // What a broken connection sent before counts.
                let _ = serve(&stream, &mut session);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(session);
            }
        })?;
        Ok(Self { address, sessions })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The connections that have ended, oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: &TcpStream, session: &mut Session) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    stream.write_all(b"220 mail.test ready\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        session.commands.push(line);
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 mail.test",
            "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 ok",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    session.mail.push_str(&line);
                    session.mail.push('\n');
                }
                "250 kept"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "502 unknown",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}
