#[path = "../../src/git/transport/http/credentials.rs"]
mod credentials;
#[path = "../../src/git/transport/server_message.rs"]
pub(crate) mod server_message;

pub use credentials::HttpAccess;
