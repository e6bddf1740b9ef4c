use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::print;
use crate::agent::{self, AgentConfig};
use clap::{Args, Subcommand};

/// Try a notification of the configuration
#[derive(Debug, Args)]
pub(super) struct Notify {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(Test),
}

/// Send a test message to the receiver of a notification
///
/// The message is sent once, whatever the notification's rules are. A notification with `commitStatus` has nothing to send: the test
/// then only reads the token's file. Run the command in the agent's own container, which has the files with the addresses and
/// tokens.
#[derive(Debug, Args)]
struct Test {
    /// Name of the notification
    name: String,

    #[command(flatten)]
    config: ConfigFile,
}

impl Notify {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Command::Test(test) = self.command;
        agent::test_notification(&AgentConfig::new(test.config.read()?), &test.name).await?;
        print(format!("{} took the message\n", test.name).as_bytes())
    }
}
