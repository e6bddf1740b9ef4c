//! The ECR stand-in as a program: prints its address, serves until it is killed.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use clap::Parser;
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer, Options};

/// A stand-in for Amazon ECR on loopback.
///
/// Point an AWS SDK at it with AWS_ENDPOINT_URL_ECR and push with:
/// curl -X POST 'ADDRESS/_admin/push?repository=shop/web&tag=1.0.1'
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The account that all access keys belong to.
    #[arg(long, default_value = DEFAULT_ACCOUNT)]
    account: String,
    /// The region of /_admin/ requests that name none.
    #[arg(long, default_value = DEFAULT_REGION)]
    region: String,
    /// End when standard input closes: with a pipe there, the program cannot outlive the one that started it.
    #[arg(long)]
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments {
        listen,
        account,
        region,
        until_stdin_closes,
    } = arguments;
    let server = match EcrServer::start_with(Options {
        listen,
        account,
        region,
    }) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("ecr-standin: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening {}", server.endpoint());
    if io::stdout().flush().is_err() {
        return ExitCode::FAILURE;
    }
    if until_stdin_closes {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        return ExitCode::SUCCESS;
    }
    server.run_to_end();
    ExitCode::FAILURE
}
